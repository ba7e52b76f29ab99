"""Tokens: what some providers want to see in place of a secret.

    kept                 one Credential's token: fetched once, renewed early, by one fetch at a time
    small_file           a file that holds a secret
    asking               one small request to whoever gives out tokens
    google_account       a key file of Google, for a service account, a person or a workload
    google_federated     a workload that another issuer vouches for, at Google
    google_metadata      the identity of a machine at Google
    entra                a client secret of Microsoft Entra
    entra_federated      a workload that another issuer vouches for, at Microsoft Entra
    entra_managed        the identity of a machine at Azure
    client_credentials   OAuth 2.0 as its RFC has it
    ibm_iam              an API key of IBM Cloud
    copilot              a GitHub token that may use Copilot
    aws_keys             keys that sign calls to AWS, and how a call shows them
    aws_given            such keys in the environment or in the settings
    aws_machine          such keys of a container or of a machine at AWS
    aws_files            the files that the tools of AWS share
    aws_ways             which way to keys those files and the environment say
    aws_roles            keys for a role, taken with other keys or with an issuer's statement
    aws_sign_in          keys for a person who signed in
    aws_places           where these two are asked for
    aws_issuers          everybody who gives out keys, and the way to each
    aws_decided          keys by a way that is decided for each fetch
    aws_file             such keys where no other Credential is
    rsa_key              private keys, which sign for us
    oci_file             keys for Oracle's cloud, and how a call shows them

Every source is asked at the place that the provider's row names, and nowhere else.
"""

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
    aws_file             such keys in the file that the tools of AWS share
    aws_machine          such keys of a container or of a machine at AWS

Every source is asked at the place that the provider's row names, and nowhere else.
"""

"""Short-lived tokens and signing keys, for providers that do not take a fixed API key.

    sources              which authentication scheme gets its tokens from which source
    token                a token, and the protocols of sources and of what puts tokens into requests
    token_prover         a Credential's token: fetched once, renewed early, one fetch at a time
    token_client         one small request to a token service
    small_file           read a file that holds a secret
    google_account       a Google key file: of a service account, a person or a workload
    google_federated     Google, for a workload that another identity provider vouches for
    google_metadata      the identity of a machine at Google
    entra                a client secret of Microsoft Entra
    entra_federated      Microsoft Entra, for a workload that another identity provider vouches for
    entra_managed        the identity of a machine at Azure
    client_credentials   the client credentials grant of OAuth 2.0
    ibm_iam              an API key of IBM Cloud
    copilot              a GitHub token that may use Copilot
    aws_keys             AWS keys, and signing requests with them
    aws_given            AWS keys from the environment or the settings
    aws_machine          AWS keys of a container or a machine
    aws_files            read `~/.aws/credentials` and `~/.aws/config`
    aws_ways             where those files and the environment say that keys come from
    aws_roles            AWS keys of a role, assumed with other keys or a workload's statement
    aws_sign_in          AWS keys of a role, for a person who signed in
    aws_places           the URLs of the two services that give out keys of roles
    aws_issuers          all of these by the way that leads to them
    aws_decided          AWS keys from wherever files and environment say at the moment
    aws_file             providers whose keys can be found in those files, and the region
    rsa_key              sign with private RSA keys
    oci_file             keys for Oracle's cloud, and signing requests with them

A source sends requests only where the provider's row says, and follows no address of an answer.
"""

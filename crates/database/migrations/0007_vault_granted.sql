-- What an account may read of others is asked for by the account.
CREATE INDEX vault_grants_of_grantee ON vault_grants (grantee, expires_ms);

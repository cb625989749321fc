-- What an account has in the vault is asked for by the account.
CREATE INDEX vault_exhibits_of_owner ON vault_exhibits (owner, id);

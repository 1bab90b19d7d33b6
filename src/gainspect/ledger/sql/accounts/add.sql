INSERT INTO ledger_accounts (actor, sign_in, role, password, disabled)
VALUES (:actor, :sign_in, :role, :password, 0)

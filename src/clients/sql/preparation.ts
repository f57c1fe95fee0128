/**
 * What the connections of a store begin with, whatever the server is set to; one that refuses it is not used. A value must not end
 * the text that it stands in, what was answered is committed, and who has waited for a lock sees what its last owner has committed.
 */
export const PREPARE_MYSQL = [
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, innodb_lock_wait_timeout = 20",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
]
export const PREPARE_POSTGRES = ["SET default_transaction_isolation = 'read committed'"]

import { expect, it } from 'vitest'
import { replicaUpdates } from '../../../src/source/replica-updates.ts'

it.each([
  ['mysql', 'log_replica_updates', 'ON', null],
  ['mysql', 'log_replica_updates', 'OFF', 'log_replica_updates=ON'],
  ['mysql', 'log_slave_updates', 'OFF', 'log_slave_updates=ON'],
  ['mariadb', 'log_slave_updates', 'OFF', '[mariadb]'],
  ['mariadb', 'log_slave_updates', 'ON', null],
  ['mariadb', 'other', 'OFF', null],
] as const)('%s with %s=%s', (flavour, name, value, said) => {
  const finding = replicaUpdates({ flavour, variables: new Map([[name, value]]) })
  if (said === null) expect(finding).toBe(null)
  else expect(finding).toMatchObject({ severity: 'warning', sql: expect.stringContaining(said) })
})

import { expect, it } from 'vitest'
import { replicaUpdates } from '../../../../../../src/sources/mysql/server/preflight/replica-updates.ts'

const sqlFor = (flavour: 'mysql' | 'mariadb', name: string, value: string): string | null | undefined =>
  replicaUpdates({ flavour, variables: new Map([[name, value]]) })?.sql

it('warns about a server that does not log what it replicates, with the line that fixes it', () => {
  expect(sqlFor('mysql', 'log_replica_updates', 'OFF')).toContain('log_replica_updates=ON  (in my.cnf under [mysqld]')
  expect(sqlFor('mysql', 'log_slave_updates', 'OFF')).toContain('log_slave_updates=ON')
  expect(sqlFor('mariadb', 'log_slave_updates', 'OFF')).toContain('[mariadb]')
})

it('reports nothing if it is on, or if the server does not say', () => {
  expect(sqlFor('mysql', 'log_replica_updates', 'ON')).toBe(undefined)
  expect(sqlFor('mariadb', 'log_slave_updates', 'ON')).toBe(undefined)
  expect(sqlFor('mariadb', 'other', 'OFF')).toBe(undefined)
})

import { expect, test } from 'vitest'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import type { SourceAddress } from '../../src/sources/mysql/source-address.ts'
import { startMysql } from '../support/servers/mysql.ts'

const TIMEOUTS = { connectTimeoutMs: 30_000, queryTimeoutMs: 60_000 }

test.each(['disable', 'require'] as const)(
  'an answer without end drops the control connection, and the next question opens another one (TLS: %s)',
  async (mode) => {
    const server = await startMysql({ gtid: true })
    const address: SourceAddress = {
      host: '127.0.0.1',
      port: server.port,
      socketPath: undefined,
      user: 'root',
      password: '',
      tls: { mode, ca: undefined, cert: undefined, key: undefined },
    }
    const control = new ControlConnection(address, TIMEOUTS)
    try {
      // Each in pieces of 16 MiB; some 10 GB in all, were it not for the bound.
      const endless = "SELECT REPEAT('x', 16000000) FROM information_schema.columns"
      await expect(control.query(endless)).rejects.toMatchObject({ retryable: true })
      await expect(control.query(endless)).rejects.toThrow('does not end')
      expect(await control.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    } finally {
      control.close()
      await server.stop()
    }
  },
)

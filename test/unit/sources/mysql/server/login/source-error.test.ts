import { describe, expect, it } from 'vitest'
import { BingoError } from '../../../../../../src/model/errors.ts'
import { parseSourceUrl } from '../../../../../../src/sources/mysql/source-address.ts'
import { classifyError } from '../../../../../../src/sources/mysql/server/login/source-error.ts'

const address = parseSourceUrl('mysql://bingo:secret@db:3306')

function classified(errno: number | undefined, message: string, code?: string): BingoError {
  return classifyError(Object.assign(new Error(message), { errno, code }), address)
}

describe('error 1236 is classified by its message', () => {
  it.each([
    ['Binary log is not open', 'BINGO_SOURCE_NO_BINLOG', false],
    ['Could not find first log file name in binary log index file', 'BINGO_SOURCE_GAP', false],
    ['Cannot replicate because the source purged required binary logs.', 'BINGO_SOURCE_GAP', false],
    [
      'The slave is connecting using CHANGE MASTER TO MASTER_AUTO_POSITION = 1, but the master has purged binary logs containing GTIDs that the slave requires.',
      'BINGO_SOURCE_GAP',
      false,
    ],
    [
      'Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required binlog files have been purged.',
      'BINGO_SOURCE_GAP',
      false,
    ],
    ["Slave has more GTIDs than the master has, using the master's SERVER_UUID.", 'BINGO_SOURCE_AHEAD', false],
    [
      "Error: connecting slave requested to start from GTID 0-1-9, which is not in the master's binlog",
      'BINGO_SOURCE_AHEAD',
      false,
    ],
    [
      'Client requested source to start replication from position > file size',
      'BINGO_SOURCE_IMPOSSIBLE_POSITION',
      false,
    ],
    [
      'Client requested master to start replication from impossible position',
      'BINGO_SOURCE_IMPOSSIBLE_POSITION',
      false,
    ],
    [
      "A replica with the same server_uuid/server_id as this replica has connected to the source; the first event 'binlog.000001' at 4",
      'BINGO_SOURCE_DUPLICATE_ID',
      true,
    ],
    [
      'log event entry exceeded max_allowed_packet; Increase max_allowed_packet on source',
      'BINGO_SOURCE_EVENT_TOO_LARGE',
      false,
    ],
    ['bogus data in log event; the first event …', 'BINGO_SOURCE_BINLOG_DAMAGED', true],
    ['something never seen before', 'BINGO_SOURCE_DUMP_REFUSED', false],
  ])('%s', (message, code, retryable) => {
    expect(classified(1236, message)).toMatchObject({ code, retryable })
  })
})

describe('other errors', () => {
  it.each([
    [
      1045,
      "Access denied for user 'bingo'@'10.0.0.1' (using password: YES)",
      undefined,
      'BINGO_SOURCE_ACCESS_DENIED',
      false,
    ],
    [
      1227,
      'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s)',
      undefined,
      'BINGO_SOURCE_GRANT_MISSING',
      false,
    ],
    [1053, 'Server shutdown in progress', undefined, 'BINGO_SOURCE_CONNECTION_LOST', true],
    [1040, 'Too many connections', undefined, 'BINGO_SOURCE_REFUSED', true],
    [1129, 'Host is blocked because of many connection errors', undefined, 'BINGO_SOURCE_REFUSED', true],
    [1203, 'User bingo already has more than max_user_connections', undefined, 'BINGO_SOURCE_REFUSED', true],
    [1226, "User has exceeded the 'max_queries_per_hour' resource", undefined, 'BINGO_SOURCE_REFUSED', true],
    [3032, 'The server is currently in offline mode', undefined, 'BINGO_SOURCE_REFUSED', true],
    [1862, 'Your password has expired', undefined, 'BINGO_SOURCE_ACCESS_DENIED', false],
    [3955, 'Account is blocked for 2 day(s)', undefined, 'BINGO_SOURCE_ACCESS_DENIED', false],
    [4151, 'Access denied, this account is locked', undefined, 'BINGO_SOURCE_ACCESS_DENIED', false],
    [
      undefined,
      'Client network socket disconnected before secure TLS connection was established',
      'HANDSHAKE_SSL_ERROR',
      'BINGO_SOURCE_CONNECTION_LOST',
      true,
    ],
    [9002, 'SSL connection is required. Please specify SSL options and retry.', undefined, 'BINGO_SOURCE_TLS', false],
    [undefined, 'unsupported protocol', 'HANDSHAKE_SSL_ERROR', 'BINGO_SOURCE_TLS', false],
    [undefined, "Hostname/IP does not match certificate's altnames", 'HANDSHAKE_SSL_ERROR', 'BINGO_SOURCE_TLS', false],
    [1927, 'Connection was killed', undefined, 'BINGO_SOURCE_CONNECTION_LOST', true],
    [-111, 'connect ECONNREFUSED', 'ECONNREFUSED', 'BINGO_SOURCE_UNREACHABLE', true],
    [-3008, 'getaddrinfo ENOTFOUND db', 'ENOTFOUND', 'BINGO_SOURCE_UNREACHABLE', true],
    [undefined, 'self-signed certificate in chain', 'SELF_SIGNED_CERT_IN_CHAIN', 'BINGO_SOURCE_TLS', false],
    [undefined, 'Server does not support secure connection', 'HANDSHAKE_NO_SSL_SUPPORT', 'BINGO_SOURCE_TLS', false],
    [undefined, 'read ECONNRESET', 'ECONNRESET', 'BINGO_SOURCE_CONNECTION_LOST', true],
    [undefined, 'what is this', undefined, 'BINGO_SOURCE_FAILED', true],
  ])('%s %s', (errno, message, code, expected, retryable) => {
    const error = classified(errno, message, code)
    expect(error).toMatchObject({ code: expected, retryable })
    expect(error.hint).toBeTruthy()
    expect(error.message).not.toContain('secret')
  })

  it('leave a BingoError as it is', () => {
    const error = new BingoError('BINGO_X', 'x')
    expect(classifyError(error, address)).toBe(error)
  })
})

describe('an error of OpenSSL', () => {
  const broken = Object.assign(new Error('error:1E08010C:DECODER routines::unsupported'), {
    code: 'ERR_OSSL_UNSUPPORTED',
  })

  it('is about a key that came over the line where there is no TLS, and passes', () => {
    expect(classifyError(broken, address)).toMatchObject({ code: 'BINGO_SOURCE_FAILED', retryable: true })
  })

  it('is about our own files where there is TLS, and does not pass', () => {
    const encrypted = parseSourceUrl('mysql://bingo:secret@db:3306?tls=require')
    expect(classifyError(broken, encrypted)).toMatchObject({ code: 'BINGO_SOURCE_TLS', retryable: false })
  })
})

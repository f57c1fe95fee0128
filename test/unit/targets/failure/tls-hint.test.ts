import { describe, expect, test } from 'vitest'
import { tlsHint } from '../../../../src/targets/failure/tls-hint.ts'

const withCode = (code: string): Error => Object.assign(new Error('refused'), { code })

describe('what to do about a certificate', () => {
  test.each([
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'servername'],
    ['SELF_SIGNED_CERT_IN_CHAIN', '`ca`'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', '`ca`'],
    ['CERT_HAS_EXPIRED', 'Renew'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'speaks TLS'],
  ])('%s', (code, hint) => {
    expect(tlsHint(withCode(code))).toContain(hint)
  })

  test('is found inside what a client wraps around it', () => {
    const tries = new AggregateError([
      withCode('PLT_KFK_NETWORK'),
      new Error('no', { cause: withCode('CERT_HAS_EXPIRED') }),
    ])
    expect(tlsHint(new Error('failed', { cause: tries }))).toContain('Renew')
  })

  test('suggests nothing if TLS is not the cause', () => {
    expect(tlsHint(withCode('ECONNREFUSED'))).toBeUndefined()
    expect(tlsHint('text')).toBeUndefined()
  })
})

import { isCertificateRefused } from '../../clients/certificate-refused.ts'
import { codeOf } from './error-text.ts'

const WRONG_NAME = /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/
const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_(UNTRUSTED|SIGNATURE_FAILURE)|INVALID_CA)/
const EXPIRED = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)/
const OTHER = /^(CERT_|ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO$)/
/** Causes inside causes; clients nest two or three. */
const MAX_DEPTH = 5

/** What to do about a certificate that was refused, by us or by the server; undefined where TLS is not the trouble. */
export function tlsHint(error: unknown): string | undefined {
  if (isCertificateRefused(error)) return 'Set `cert` and `key` to a client certificate that the server trusts.'
  for (const code of codesIn(error, MAX_DEPTH)) {
    if (WRONG_NAME.test(code)) {
      return 'Use the name of the server’s certificate in the address, or set it as `servername`.'
    }
    if (EXPIRED.test(code)) return 'Renew the server’s certificate (expired or not yet valid), or correct the clock.'
    if (UNTRUSTED.test(code)) return 'Set `ca` to the authority that signed the server’s certificate.'
    if (OTHER.test(code)) return 'Check that the port speaks TLS, and whether the server requires a client certificate.'
  }
  return undefined
}

function* codesIn(error: unknown, depth: number): Generator<string> {
  const code = codeOf(error)
  if (code !== undefined) yield code
  if (depth === 0 || !(error instanceof Error)) return
  yield* codesIn(error.cause, depth - 1)
  if (error instanceof AggregateError) for (const inner of error.errors) yield* codesIn(inner, depth - 1)
}

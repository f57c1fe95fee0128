import type { ActionSpec } from '../model/rule/action.ts'
import type { FieldSpec } from '../model/rule/action-field.ts'
import { BingoError } from '../model/errors.ts'
import { readSmallFile } from '../model/small-file.ts'
import { reasonOf } from './failure/error-text.ts'

/** PEM texts or paths of PEM files, as in the rule. */
export interface TlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Name that the server's certificate has to carry. */
  readonly servername?: string | undefined
}

/** `tls: {ca, cert, key, servername}`; `tls: {}` is TLS with the public authorities. */
export const TLS_FIELD: FieldSpec = {
  kind: 'object',
  fields: {
    ca: { kind: 'string', doc: 'PEM file (or PEM text) of the authority to trust instead of the public ones.' },
    cert: { kind: 'string', doc: 'PEM file (or PEM text) of the client certificate.' },
    key: { kind: 'string', doc: 'PEM file (or PEM text) of its private key.' },
    servername: { kind: 'string', doc: 'Name that the server’s certificate must contain.' },
  },
  doc: 'TLS certificates. The server’s certificate is always verified; there is no fallback to plaintext.',
}

/** Null where the rule has no `tls`. */
export function compileTls(spec: ActionSpec): TlsFiles | null {
  const tls = spec.object('tls')
  if (tls === undefined) return null
  if (tls.has('cert') !== tls.has('key')) {
    spec.fail('tls', 'BINGO_RULE_TLS', '`cert` and `key` belong together', 'set both or neither')
  }
  return {
    ca: tls.string('ca'),
    cert: tls.string('cert'),
    key: tls.string('key'),
    servername: tls.string('servername'),
  }
}

/** What a TLS client takes. */
export interface TlsOptions {
  /** Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch verification off. */
  readonly rejectUnauthorized: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** The contents, for a TLS client. Throws BINGO_TLS_FILE. */
export function readTls(files: TlsFiles): TlsOptions {
  return {
    rejectUnauthorized: true,
    ...(files.ca !== undefined && { ca: pem(files.ca) }),
    ...(files.cert !== undefined && { cert: pem(files.cert) }),
    ...(files.key !== undefined && { key: pem(files.key) }),
    ...(files.servername !== undefined && { servername: files.servername }),
  }
}

function pem(textOrPath: string): string {
  if (textOrPath.includes('-----BEGIN')) return textOrPath
  try {
    return readSmallFile(textOrPath)
  } catch (cause) {
    throw new BingoError('BINGO_TLS_FILE', `Cannot read the TLS file ${textOrPath}: ${reasonOf(cause)}`, {
      hint: 'Check the path and its permissions; a mounted secret may be missing.',
      retryable: true,
      cause,
    })
  }
}

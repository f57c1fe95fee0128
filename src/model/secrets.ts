import { isAbsolute, resolve } from 'node:path'
import { BadEncoding, readSmallFile } from './small-file.ts'

export type Environment = { readonly [name: string]: string | undefined }

export interface SecretOptions {
  readonly env: Environment
  /** What a relative `${file:…}` is relative to. */
  readonly baseDir: string
  /** The text is a URL: a secret before the "@" is %-encoded, so that a password may hold "@", ":" and "/". */
  readonly url: boolean
  /** Gives what stands in for a secret that is not there. Absent: that is an error. */
  readonly standIn?: ((missing: MissingSecret) => string) | undefined
}

/** A reference that leads nowhere. Names the variable or file, never a value. */
export class MissingSecret extends Error {
  readonly hint: string
  /** Where the reference stands in the text. */
  readonly offset: number
  /** There may be such a secret elsewhere: the reference itself is right. */
  readonly absent: boolean

  constructor(message: string, offset: number, hint: string, { absent = false } = {}) {
    super(message)
    this.offset = offset
    this.hint = hint
    this.absent = absent
  }
}

const REFERENCE = /\$\{(env|file):([^}]*)\}/g
/** `${API_TOKEN}`, as a shell has it, and `${ENV:X}`, `${vault:x}`; `${id}` may be meant for a column. */
const UNKNOWN = /\$\{(?:([A-Z][A-Z0-9_]*)|([A-Za-z]\w*):([^}]*))\}/g

/** Refuses `${…}` that looks like a secret and is none, which would be sent as it stands. Throws MissingSecret. */
export function refuseUnknownReferences(text: string): void {
  for (const { 0: reference, 1: variable, 2: kind, 3: name, index } of text.matchAll(UNKNOWN)) {
    if (kind === 'env' || kind === 'file') continue
    const meant = variable ?? (kind!.toLowerCase() === 'env' ? name! : undefined)
    const hint =
      meant !== undefined
        ? `write \${env:${meant}}`
        : kind!.toLowerCase() === 'file'
          ? `write \${file:${name}}`
          : 'write ${env:NAME} or ${file:/path}'
    const message = `${reference} is not a reference that BinGo knows, and would be used as it stands`
    throw new MissingSecret(message, index, hint)
  }
}

/** The text of a variable or file, without the last line break: `echo token > file` puts one there. */
export function withoutLastBreak(text: string): string {
  return text.replace(/\r?\n$/, '')
}

/** Puts in the values of `${env:NAME}` and `${file:/path}`, each without its last line break. */
export function resolveSecrets(text: string, options: SecretOptions): string {
  return text.replaceAll(REFERENCE, (reference, kind: string, name: string, offset: number) => {
    const value = valueOf(kind, name, offset, options)
    const inUserInfo =
      options.url && text.slice(0, offset).includes('://') && text.slice(offset + reference.length).includes('@')
    return inUserInfo ? encodeURIComponent(value) : value
  })
}

function valueOf(kind: string, name: string, offset: number, { env, baseDir, standIn }: SecretOptions): string {
  try {
    return kind === 'env' ? fromEnvironment(name, env, offset) : fromFile(name, baseDir, offset)
  } catch (error) {
    if (standIn === undefined || !(error instanceof MissingSecret && error.absent)) throw error
    return standIn(error)
  }
}

function fromEnvironment(name: string, env: Environment, offset: number): string {
  if (name.trim() === '') throw new MissingSecret('${env:} names no variable', offset, 'write ${env:NAME}')
  const value = env[name]
  if (value === undefined) {
    const hint = 'set it in the environment of BinGo'
    throw new MissingSecret(`the environment variable ${name} is not set`, offset, hint, { absent: true })
  }
  return withoutLastBreak(value)
}

function fromFile(name: string, baseDir: string, offset: number): string {
  if (name.trim() === '') throw new MissingSecret('${file:} names no file', offset, 'write ${file:/path}')
  const path = isAbsolute(name) ? name : resolve(baseDir, name)
  try {
    return withoutLastBreak(readSmallFile(path))
  } catch (error) {
    const { code, message: why } = error as NodeJS.ErrnoException
    const own = code === 'EFBIG' || code === 'ENOTFILE' || code === 'EISDIR' || error instanceof BadEncoding
    const absent = code === 'ENOENT' || code === 'ENOTDIR'
    const hint =
      error instanceof BadEncoding
        ? error.hint
        : absent
          ? 'correct the path, or put the file there'
          : 'correct the path; it must be a file of at most 1 MiB that the account of BinGo may read'
    const message = `the file ${path} cannot be read (${own ? why : (code ?? 'error')})`
    throw new MissingSecret(message, offset, hint, { absent })
  }
}

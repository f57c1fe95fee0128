import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'

export type Environment = { readonly [name: string]: string | undefined }

export interface SecretOptions {
  readonly env: Environment
  /** What a relative `${file:…}` is relative to. */
  readonly baseDir: string
  /** The text is a URL: a secret before the "@" is %-encoded, so that a password may hold "@", ":" and "/". */
  readonly url: boolean
}

/** A reference that leads nowhere. Names the variable or file, never a value. */
export class MissingSecret extends Error {}

const REFERENCE = /\$\{(env|file):([^}]*)\}/g
/** A secret is a line, a key or a certificate chain; more is a mistake in the path. */
const MAX_FILE_BYTES = 1 << 20

/** Puts in the values of `${env:NAME}` and `${file:/path}` (without the file's last line break). */
export function resolveSecrets(text: string, options: SecretOptions): string {
  return text.replaceAll(REFERENCE, (reference, kind: string, name: string, offset: number) => {
    const value = kind === 'env' ? fromEnvironment(name, options.env) : fromFile(name, options.baseDir)
    const inUserInfo =
      options.url && text.slice(0, offset).includes('://') && text.slice(offset + reference.length).includes('@')
    return inUserInfo ? encodeURIComponent(value) : value
  })
}

function fromEnvironment(name: string, env: Environment): string {
  const value = env[name]
  if (value === undefined) throw new MissingSecret(`the environment variable ${name} is not set`)
  return value
}

function fromFile(name: string, baseDir: string): string {
  const path = isAbsolute(name) ? name : resolve(baseDir, name)
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new MissingSecret(`the file ${path} is larger than 1 MiB`)
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    if (error instanceof MissingSecret) throw error
    throw new MissingSecret(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
  }
}

import { isAbsolute, resolve } from 'node:path'
import { readSmallFile } from './small-file.ts'

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
    return readSmallFile(path).replace(/\r?\n$/, '')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const own = code === 'EFBIG' || code === 'ENOTFILE'
    throw new MissingSecret(`the file ${path} cannot be read (${own ? message : (code ?? 'error')})`)
  }
}

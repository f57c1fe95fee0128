import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM texts, and the files that hold them until the authority is disposed of. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

export interface CertificateOptions {
  /** DNS names and IP addresses that it is good for. Default: localhost, 127.0.0.1 and ::1. */
  readonly names?: readonly string[]
  readonly commonName?: string
  /** It ended yesterday. */
  readonly expired?: boolean
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const LOOPBACK = ['localhost', '127.0.0.1', '::1']

/** An authority of a test's own, made by `openssl`; what it issues is good for servers and for clients. */
export class CertificateAuthority implements AsyncDisposable {
  /** PEM text and file of the authority's own certificate: what the other side has to trust. */
  readonly ca: string
  readonly caFile: string
  private readonly folder: string
  private issued = 0

  private constructor(folder: string, ca: string) {
    this.folder = folder
    this.ca = ca
    this.caFile = join(folder, 'ca.crt')
  }

  static async create(commonName = 'Test authority'): Promise<CertificateAuthority> {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-certificates-'))
    const [cert, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')]
    await run('openssl', [
      'req',
      '-x509',
      ...KEY,
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '30',
      '-subj',
      `/CN=${commonName}`,
    ])
    return new CertificateAuthority(folder, await readFile(cert, 'utf8'))
  }

  async issue(options: CertificateOptions = {}): Promise<Certificate> {
    const base = join(this.folder, `issued-${++this.issued}`)
    const [keyFile, requestFile, certFile] = [`${base}.key`, `${base}.csr`, `${base}.crt`]
    const names = options.names ?? LOOPBACK
    const subject = `/CN=${options.commonName ?? names[0]!}`
    await run('openssl', ['req', '-new', ...KEY, '-keyout', keyFile, '-out', requestFile, '-subj', subject])
    await writeFile(`${base}.ext`, extensions(names))
    const authority = ['-CA', this.caFile, '-CAkey', join(this.folder, 'ca.key'), '-set_serial', `0x${this.serial()}`]
    const days = options.expired === true ? '-1' : '30'
    await run('openssl', [
      'x509',
      '-req',
      '-in',
      requestFile,
      ...authority,
      '-days',
      days,
      '-extfile',
      `${base}.ext`,
      '-out',
      certFile,
    ])
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    return { cert, key, certFile, keyFile }
  }

  private serial(): string {
    return (Date.now() * 1000 + this.issued).toString(16)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

function extensions(names: readonly string[]): string {
  const alternatives = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`)
  return `subjectAltName=${alternatives.join(',')}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n`
}

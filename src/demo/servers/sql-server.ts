import { join } from 'node:path'
import { connectMysql } from '../../clients/mysql.ts'
import type { Connection } from 'mysql2/promise'
import type { Command } from './command.ts'
import type { ServerProcess } from './server-process.ts'

/** A MySQL or MariaDB that runs, ours or somebody's; root without a password where it is ours. */
export interface SqlServerFacts {
  readonly flavour: 'mysql' | 'mariadb'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** As SELECT VERSION() prints it. */
  readonly version: string
  /** Where its programs come from. */
  readonly origin: string
}

export class SqlServer implements AsyncDisposable {
  readonly flavour: SqlServerFacts['flavour']
  readonly host: string
  readonly port: number
  readonly user: string
  readonly version: string
  readonly origin: string
  /** Null when the server is not ours: it can be used, not killed. */
  readonly process: ServerProcess | null
  private readonly password: string
  private readonly command: Command | null
  private control: Promise<Connection> | null = null

  constructor(facts: SqlServerFacts, process: ServerProcess | null, command: Command | null) {
    this.flavour = facts.flavour
    this.host = facts.host
    this.port = facts.port
    this.user = facts.user
    this.password = facts.password
    this.version = facts.version
    this.origin = facts.origin
    this.process = process
    this.command = command
  }

  /** `mysql://user:password@host:port`. */
  get url(): string {
    const secret = this.password === '' ? '' : `:${encodeURIComponent(this.password)}`
    return `mysql://${encodeURIComponent(this.user)}${secret}@${this.host}:${this.port}`
  }

  /** Folder of the data and binlog files. */
  get binlogDir(): string {
    return join(this.process!.folder, 'data')
  }

  get caFile(): string {
    return join(this.binlogDir, 'ca.pem')
  }

  /** A connection of the caller's own. Values come as mysql2 gives them, but exact: big numbers and dates as strings. */
  connect(): Promise<Connection> {
    return connectTo(this.host, this.port, this.user, this.password)
  }

  /**
   * One statement over a connection that is kept; answers its rows, which have the shape that the caller names. Where the
   * server has closed it, the next statement goes over another one.
   * @throws what the server says; BingoError BINGO_SERVER_ENDED where it has ended, with the end of its log.
   */
  async query<R = Record<string, unknown>>(sql: string, params?: unknown[]): Promise<R[]> {
    try {
      const [rows] = await (await this.controlled()).query(sql, params)
      return rows as R[]
    } catch (error) {
      throw (await this.process?.unexpectedEnd(error)) ?? error
    }
  }

  private controlled(): Promise<Connection> {
    if (this.control !== null) return this.control
    const control = this.connect()
    const forget = (): void => {
      if (this.control === control) this.control = null
    }
    control.then((connection) => connection.on('error', forget).on('end', forget), forget)
    return (this.control = control)
  }

  /** Sends a signal; waits for the end where it ends the server. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.hangUp()
    await this.process!.kill(signal)
  }

  /** Starts a killed server again on its port and data; stops it before when it runs. */
  async restart(): Promise<void> {
    await this.kill('SIGTERM')
    await this.process!.start(this.command!, () => answers(this.host, this.port, this.user, this.password))
  }

  async stop(): Promise<void> {
    await this.hangUp()
    await this.process?.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  private async hangUp(): Promise<void> {
    const connection = await this.control?.catch(() => null)
    this.control = null
    connection?.destroy()
  }
}

/** Whether the server lets us in. */
export async function answers(host: string, port: number, user: string, password: string): Promise<boolean> {
  try {
    const connection = await connectTo(host, port, user, password)
    await connection.end()
    return true
  } catch {
    return false
  }
}

export function connectTo(host: string, port: number, user: string, password: string): Promise<Connection> {
  return connectMysql({
    host,
    port,
    user,
    password,
    multipleStatements: true,
    supportBigNumbers: true,
    bigNumberStrings: false,
    dateStrings: true,
  }).then((connection) => {
    // A killed server must not end the program that killed it.
    connection.on('error', () => undefined)
    return connection
  })
}

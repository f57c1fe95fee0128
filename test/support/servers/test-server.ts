import type { Command } from '../../../src/demo/servers/command.ts'
import type { ServerProcess } from '../../../src/demo/servers/server-process.ts'

/** A server of ours on one port, which a test may kill and start again. */
export class TestServer implements AsyncDisposable {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string
  private readonly process: ServerProcess
  private readonly command: Command
  private readonly isReady: () => Promise<boolean>

  constructor(port: number, url: string, process: ServerProcess, command: Command, isReady: () => Promise<boolean>) {
    this.port = port
    this.url = url
    this.process = process
    this.command = command
    this.isReady = isReady
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.process.kill(signal)
  }

  async restart(): Promise<void> {
    await this.process.kill('SIGTERM')
    await this.process.start(this.command, this.isReady)
  }

  async stop(): Promise<void> {
    await this.process.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

import { startRedis } from '../servers/redis.ts'
import type { RedisServer } from '../servers/redis.ts'

/** A Redis for events, on disk when it answers; each database is its own store. */
export class EventRedisServer implements AsyncDisposable {
  readonly server: RedisServer
  #databases = 0

  private constructor(server: RedisServer) {
    this.server = server
  }

  static async start(args: readonly string[] = ['--appendonly', 'yes', '--appendfsync', 'always']) {
    return new EventRedisServer(await startRedis({ args: ['--databases', '5000', ...args] }))
  }

  /** Answers the address of a new database. */
  create(options = ''): string {
    return `${this.server.url}/${++this.#databases}${options}`
  }

  async cli(url: string, ...args: string[]): Promise<string> {
    return this.server.cli('-n', /\/(\d+)/.exec(url.slice('redis://'.length))![1]!, ...args)
  }

  kill(): Promise<void> {
    return this.server.kill()
  }

  restart(): Promise<void> {
    return this.server.restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop()
  }
}

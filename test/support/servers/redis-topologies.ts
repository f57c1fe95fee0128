import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../../src/demo/servers/ports.ts'
import { startRedis } from './redis.ts'
import type { RedisServer } from './redis.ts'

const READY_WITHIN_MS = 60_000
const POLL_MS = 50
/** A master that is silent for so long is taken for dead. */
const DOWN_AFTER_MS = 500

/** A master, its replica, and one Sentinel that alone decides. Stops all of them when disposed. */
export class SentinelGroup implements AsyncDisposable {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly sentinel: RedisServer

  private constructor(master: RedisServer, replica: RedisServer, sentinel: RedisServer) {
    this.master = master
    this.replica = replica
    this.sentinel = sentinel
  }

  static async start(): Promise<SentinelGroup> {
    const master = await startRedis()
    const replica = await startRedis({ args: ['--replicaof', master.host, String(master.port)] })
    const settings = [
      `monitor main ${master.host} ${master.port} 1`,
      `down-after-milliseconds main ${DOWN_AFTER_MS}`,
      'failover-timeout main 5000',
    ]
    const config = settings.map((setting) => `sentinel ${setting}\n`).join('')
    const sentinel = await startRedis({ config, args: ['--sentinel'] })
    await until(
      'the Sentinel knows the replica',
      async () =>
        (await replica.cli('INFO', 'replication')).includes('master_link_status:up') &&
        (await sentinel.cli('SENTINEL', 'REPLICAS', 'main')).includes(String(replica.port)),
    )
    return new SentinelGroup(master, replica, sentinel)
  }

  get url(): string {
    return `sentinel://${this.sentinel.host}:${this.sentinel.port}/main`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.sentinel.stop(), this.replica.stop(), this.master.stop()])
  }
}

/** A Cluster of masters that share the slots evenly. Stops them when disposed. */
export class RedisCluster implements AsyncDisposable {
  readonly nodes: readonly RedisServer[]

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  static async start(count = 3): Promise<RedisCluster> {
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode()))
    const [first, ...others] = nodes
    const share = Math.ceil(16_384 / count)
    for (const [i, node] of nodes.entries()) {
      const last = Math.min(16_383, (i + 1) * share - 1)
      await node.cli('CLUSTER', 'ADDSLOTSRANGE', String(i * share), String(last))
    }
    for (const node of others) {
      const { host, port } = node
      await first!.cli('CLUSTER', 'MEET', host, String(port), await busPort(node))
    }
    await until('every node sees every slot', async () => {
      const infos = await Promise.all(nodes.map((node) => node.cli('CLUSTER', 'INFO')))
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`))
    })
    return new RedisCluster(nodes)
  }

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ host, port }) => `${host}:${port}`).join(',')}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

/** The bus has a port of its own: the usual one, 10,000 above the clients', may be taken or beyond 65,535. */
async function startNode(): Promise<RedisServer> {
  const bus = await freePort()
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-announce-ip', '127.0.0.1']
  return startRedis({ args: [...cluster, '--cluster-node-timeout', '2000'] })
}

async function busPort(node: RedisServer): Promise<string> {
  return (await node.cli('CONFIG', 'GET', 'cluster-port')).trim().split('\n').at(-1)!
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`)
    await delay(POLL_MS)
  }
}

// oxlint-disable-next-line no-restricted-imports -- how redis.ts's connections are opened
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import type { Log } from '../../model/rule/action.ts'
import { backoffMs } from '../../model/delivery/backoff.ts'
import { MasterConnector, ServerConnector } from './redis-connectors.ts'
import type { RedisAddress } from './redis-url.ts'

export type RedisClient = Redis | Cluster

export interface RedisConnectionOptions {
  readonly log: Log
  /** Shown by CLIENT LIST and in logs. */
  readonly name: string
  /** A command without an answer for this long is rejected. Default 5,000. */
  readonly commandTimeoutMs?: number
  /** A socket that owes a reply and says nothing for this long is dead (half-open). Default: six command timeouts. */
  readonly socketTimeoutMs?: number
}

const DEFAULT_COMMAND_TIMEOUT_MS = 5_000
/** `replyMapping` chooses among the constructor's overloads; it only matters to RESP3. */
type Options = Omit<RedisOptions, 'replyMapping'>
/** In command timeouts: how long a socket that owes a reply may say nothing. */
const SOCKET_TIMEOUTS = 6

/** It connects at once, and again after every loss, for ever. */
export function openClient(address: RedisAddress, options: RedisConnectionOptions): RedisClient {
  return address.mode === 'cluster' ? openCluster(address, options) : openSingle(address, options)
}

export function nodesOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('all') : [client]
}

/**
 * What keeps a lost reply from running a command twice, or never settling: nothing unanswered is sent again
 * (autoResendUnfulfilledCommands), it is rejected at the first loss (maxRetriesPerRequest 0) or after the timeout, and
 * nothing is queued while the connection is down (enableOfflineQueue), so memory stays bounded (invariants 5, 6).
 */
function safeOptions(address: RedisAddress, options: RedisConnectionOptions): Options {
  const commandTimeout = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS
  return {
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout,
    // After a command timeout the socket stays, so that a retry cannot overtake the original on another socket.
    socketTimeout: options.socketTimeoutMs ?? commandTimeout * SOCKET_TIMEOUTS,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    connectionName: `bingo:${options.name}`,
    // RESP2 knows every reply that is read here, and works through proxies and servers before Redis 6.
    protocol: 2,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    ...(address.tls && { tls: address.tls }),
  }
}

function openSingle(address: RedisAddress, options: RedisConnectionOptions): Redis {
  const common: Options = {
    ...safeOptions(address, options),
    enableOfflineQueue: false,
    db: address.db,
    retryStrategy: reconnectDelay,
    // A demoted master answers READONLY: look the master up again; the command itself is rejected, not repeated.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
  if (address.mode === 'single') return new Redis({ ...common, ...address.hosts[0], Connector: ServerConnector })
  return new Redis({
    ...common,
    sentinels: address.hosts.map(({ host, port }) => ({ host, port })),
    ...(address.group !== undefined && { name: address.group }),
    ...(address.sentinelUsername !== undefined && { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword !== undefined && { sentinelPassword: address.sentinelPassword }),
    sentinelRetryStrategy: reconnectDelay,
    Connector: MasterConnector,
    ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: address.tls }),
  })
}

function openCluster(address: RedisAddress, options: RedisConnectionOptions): Cluster {
  const clusterOptions: Omit<ClusterOptions, 'redisOptions'> & { redisOptions: Options } = {
    enableOfflineQueue: false,
    // Anything above 0 makes ioredis repeat commands whose connection closed before the reply.
    retryDelayOnFailover: 0,
    clusterRetryStrategy: reconnectDelay,
    redisOptions: { ...safeOptions(address, options), Connector: ServerConnector },
    // With TLS the nodes' names must reach certificate verification unresolved.
    ...(address.tls && {
      dnsLookup: (host: string, done: (error: null, address: string) => void) => {
        done(null, host)
      },
    }),
  }
  return new Cluster(
    address.hosts.map(({ host, port }) => ({ host, port })),
    clusterOptions,
  )
}

/**
 * A Cluster is ready when it knows its nodes, and connects to each with the first command for it: the second one would
 * be rejected as long as that goes on.
 */
export async function connectNodes(client: RedisClient): Promise<void> {
  if (!(client instanceof Cluster)) return
  const masters = client.nodes('master').filter(({ status }) => status === 'wait')
  await Promise.allSettled(masters.map((node) => node.connect()))
}

function reconnectDelay(attempt: number): number {
  return 50 + backoffMs(attempt, 100, 2_000)
}

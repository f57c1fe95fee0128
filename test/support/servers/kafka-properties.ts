import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** User that SASL listeners know, under every mechanism. */
export const KAFKA_USER = { username: 'bingo', password: 'kafka-secret' } as const

/** Certificates of a broker that also has listeners for TLS. */
export interface KafkaTls {
  /** Certificate and key of the broker in PEM, key first in PKCS #8. */
  readonly cert: string
  readonly key: string
  /** Authority of the clients' certificates. */
  readonly ca: string
}

export interface NodePorts {
  readonly client: number
  readonly controller: number
  /** TLS that asks for a client certificate. */
  readonly tls: number
  /** TLS with user and password. */
  readonly sasl: number
}

export interface NodeSettings {
  readonly id: number
  readonly folder: string
  /** Of every node of the cluster, by place: node 1 first. */
  readonly ports: readonly NodePorts[]
  readonly tls: KafkaTls | undefined
  readonly advertisedPort: number | undefined
}

/** Writes `server.properties` (and certificates) of one node that is broker and controller; answers its path. */
export async function writeProperties(node: NodeSettings): Promise<string> {
  const path = join(node.folder, 'server.properties')
  const tls = node.tls === undefined ? {} : await tlsProperties(node.folder, node.tls)
  const all = { ...commonProperties(node), ...tls }
  await writeFile(
    path,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )
  return path
}

function commonProperties({ id, folder, ports, tls, advertisedPort }: NodeSettings): {
  [name: string]: string | number
} {
  const own = ports[id - 1]!
  const replicas = Math.min(ports.length, 3)
  // By name, as certificates usually have it.
  const secured = tls === undefined ? [] : [`SSL://localhost:${own.tls}`, `SASL_SSL://localhost:${own.sasl}`]
  const listeners = [`PLAINTEXT://127.0.0.1:${own.client}`, ...secured]
  const advertised = [`PLAINTEXT://127.0.0.1:${advertisedPort ?? own.client}`, ...secured]
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${own.controller}`].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(folder, 'logs'),
    'num.partitions': 4,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // By default 50 each, which a broker makes when the first group or transaction comes, and which takes it seconds.
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.num.partitions': 2,
  }
}

async function tlsProperties(folder: string, tls: KafkaTls): Promise<{ [name: string]: string }> {
  const [own, authority] = [join(folder, 'broker.pem'), join(folder, 'ca.pem')]
  await writeFile(own, tls.key + tls.cert)
  await writeFile(authority, tls.ca)
  const login = (mechanism: string, module: string, users = ''): [string, string] => [
    `listener.name.sasl_ssl.${mechanism}.sasl.jaas.config`,
    `org.apache.kafka.common.security.${module} required${users};`,
  ]
  const { username, password } = KAFKA_USER
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': own,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority,
    'listener.name.ssl.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...Object.fromEntries([
      login('plain', 'plain.PlainLoginModule', ` user_${username}="${password}"`),
      login('scram-sha-256', 'scram.ScramLoginModule'),
      login('scram-sha-512', 'scram.ScramLoginModule'),
    ]),
  }
}

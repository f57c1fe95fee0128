import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { hearLateErrors } from '../../clients/guards/late-errors.ts'
import { serverName } from '../../model/server-name.ts'
import { readTls } from '../tls-files.ts'
import { webhookConnector } from './connector.ts'
import type { WebhookTargetOptions } from './options.ts'

/**
 * Finds the receiver by its name, connects and makes the TLS handshake, as a request would; then closes. Nothing is
 * requested: even OPTIONS and HEAD may have an effect, or count, at a receiver that we do not know. Rejects with what
 * name server, socket, TLS or proxy say.
 */
export async function connectOnly(options: WebhookTargetOptions, origin: string): Promise<void> {
  const url = new URL(origin)
  const connecting = options.proxy === null ? connectDirectly(options, url) : connectThrough(options, url)
  ;(await connecting).destroy()
}

function connectDirectly(options: WebhookTargetOptions, url: URL): Promise<Socket> {
  const { hostname, host, protocol } = url
  const port = portOf(url)
  const connect = webhookConnector(options)
  return new Promise((resolve, reject) => {
    connect({ hostname, host, protocol, port }, (error, socket) => {
      if (error) reject(error)
      else resolve(socket!)
    })
  })
}

/** By CONNECT, as requests go; only the proxy hears of it. */
async function connectThrough(options: WebhookTargetOptions, url: URL): Promise<Socket> {
  const { hostname, port, username, password } = new URL(options.proxy!)
  const path = `${url.hostname}:${portOf(url)}`
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }
  const headers = { host: path, ...(username !== '' && authorization) }
  const asked = request({ hostname, port: port || 80, method: 'CONNECT', path, headers })
  asked.end()
  const [answer, tunnel] = (await once(asked, 'connect')) as [{ statusCode: number }, Socket]
  if (answer.statusCode < 200 || answer.statusCode > 299) {
    tunnel.destroy()
    throw new Error(`the proxy answered ${answer.statusCode}`)
  }
  if (url.protocol === 'http:') return tunnel
  const tls = hearLateErrors(connectTls({ socket: tunnel, ...serverName(url.hostname), ...readTls(options.tls) }))
  await once(tls, 'secureConnect')
  return tls
}

function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80')
}

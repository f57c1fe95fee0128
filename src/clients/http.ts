import { Agent, buildConnector, ProxyAgent } from 'undici'
import type { Dispatcher } from 'undici'

/** Keep-alive connections to whichever origins are asked for. */
export function openAgent(options: Agent.Options): Dispatcher {
  return new Agent(options)
}

/** The same, through an HTTP proxy. */
export function openProxyAgent(options: ProxyAgent.Options): Dispatcher {
  return new ProxyAgent(options)
}

/** Makes the connections of an agent, with TLS where the address asks for it. */
export function newConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  return buildConnector(options)
}

import { isIP } from 'node:net'

/** TLS options that tell the server by which name it was called (SNI): Node.js does not by itself, and an IP is no name. */
export function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}

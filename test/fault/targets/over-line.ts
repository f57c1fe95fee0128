import { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Outlet, StartOutlet } from './outlet.ts'

/** Leads nowhere until the server that it belongs to is there. */
const NOWHERE = { host: '127.0.0.1', port: 1 }

/** An outlet that BinGo reaches over a line of ours, which goes dead where the outlet alone would be killed or stopped. */
export async function overLine(start: StartOutlet): Promise<Outlet> {
  await using stack = new AsyncDisposableStack()
  const line = stack.use(await TcpProxy.start(NOWHERE))
  const outlet = stack.use(await start(line))
  if (outlet.port === null) throw new Error(`${outlet.name} has no server to reach over a line`)
  line.repoint({ host: '127.0.0.1', port: outlet.port })
  const all = stack.move()
  return {
    name: `${outlet.name} over a dead line`,
    keeps: outlet.keeps,
    port: line.port,
    action: outlet.action.replaceAll(`:${outlet.port}`, `:${line.port}`),
    breakDown: async () => {
      line.halfOpen = true
    },
    recover: async () => {
      line.strand()
      line.halfOpen = false
    },
    arrivals: () => outlet.arrivals(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

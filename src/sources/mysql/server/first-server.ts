import { ControlConnection } from './login/control-connection.ts'
import type { SourceSettings } from '../options.ts'
import { readServerFacts, type ServerFacts } from './server-facts.ts'
import { ServerSearch } from './server-search.ts'

/** Asks the first server that answers, whatever our position is. The caller closes `control`. */
export async function connectToFirst(
  settings: SourceSettings,
): Promise<{ control: ControlConnection; facts: ServerFacts }> {
  const search = new ServerSearch(settings, settings.hosts)
  const control = new ControlConnection(search.current, settings)
  try {
    const facts = await search.find((address) => {
      control.moveTo(address)
      return readServerFacts(control)
    }, new AbortController().signal)
    return { control, facts }
  } catch (error) {
    control.close()
    throw error
  }
}

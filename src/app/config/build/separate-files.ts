import { parseFileUrl } from '../../../clients/address/file-url.ts'
import { stateFilePath } from '../../../state/store-url.ts'
import type { Config } from '../config.ts'
import { report, type BuildOptions } from './options.ts'

type Kept = Pick<Config, 'name' | 'checkpoint' | 'deadLetters' | 'sagas' | 'events' | 'eventStore'>

/** Each of these is a database with tables and a version of its own; dead letters and sagas may share the file of the checkpoint. */
export function checkSeparateFiles(options: BuildOptions, config: Kept): void {
  const { name, checkpoint, deadLetters, sagas, events, eventStore } = config
  const stores = [
    ['checkpoint.store', 'the state', checkpoint.store],
    ['deadLetters.store', 'the state', deadLetters.store],
    ['sagas.store', 'the state', sagas.store],
    ['events.store', 'posted events', events?.store],
    ['events.index', 'the index of posted events', events?.index],
    ['eventStore.url', 'an event store', eventStore?.url],
  ] as const
  const found = new Map<string, { readonly path: string; readonly what: string }>()
  for (const [path, what, address] of stores) {
    const file = parseFileUrl(address ?? '')
    // In a folder, files are called after what they hold.
    if (file === null || (file.isFolder && what !== 'the state')) continue
    const place = what === 'the state' ? stateFilePath(file, name) : file.path
    const other = found.get(place)
    found.set(place, other ?? { path, what })
    if (other === undefined || other.what === what) continue
    const message = `${path} is the file of ${other.path}, which holds ${other.what}`
    report(options, path, 'BINGO_CONFIG_VALUE', message, { hint: `Give ${path} a file of its own.` })
  }
}

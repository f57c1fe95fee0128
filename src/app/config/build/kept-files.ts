import { parseFileUrl } from '../../../clients/address/file-url.ts'
import type { FileUrl } from '../../../clients/address/file-url.ts'
import { eventsFilePath } from '../../../log/store-address.ts'
import { stateFilePath } from '../../../state/store-url.ts'
import type { Config } from '../config.ts'
import type { SettingPath } from '../settings.ts'

export type Kept = Pick<Config, 'name' | 'checkpoint' | 'deadLetters' | 'sagas' | 'events' | 'eventStore'>

/** A file that an instance keeps something in. */
export interface KeptFile {
  readonly setting: SettingPath
  readonly holds: string
  readonly path: string
}

/** Those of the settings that name files, or folders for them. */
export function keptFiles({ name, checkpoint, deadLetters, sagas, events, eventStore }: Kept): readonly KeptFile[] {
  const state = { holds: 'the state', pathOf: stateFilePath } as const
  const stores = [
    { setting: 'checkpoint.store', address: checkpoint.store, ...state },
    { setting: 'deadLetters.store', address: deadLetters.store, ...state },
    { setting: 'sagas.store', address: sagas.store, ...state },
    { setting: 'events.store', address: events?.store, holds: 'posted events', pathOf: eventsFilePath },
    { setting: 'events.index', address: events?.index, holds: 'the index of posted events', pathOf: eventsFilePath },
    {
      setting: 'eventStore.url',
      address: eventStore?.url,
      holds: 'an event store',
      pathOf: ({ path }: FileUrl) => path,
    },
  ] as const
  return stores.flatMap(({ setting, address, holds, pathOf }) => {
    const file = parseFileUrl(address ?? '')
    return file === null ? [] : { setting, holds, path: pathOf(file, name) }
  })
}

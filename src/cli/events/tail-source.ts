import type { BrokerConfig } from '../../app/config/brokers/contract.ts'
import type { Config, SourceConfig } from '../../app/config/config.ts'
import { BingoError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { TailOptions } from './tail-options.ts'
import { configFor } from '../context.ts'

type Chosen =
  | { readonly tag: 'server'; readonly source: SourceConfig }
  | { readonly tag: 'broker'; readonly broker: BrokerConfig }

/** `bingo tail` from a source of the configuration. */
export async function tailSource(options: TailOptions): Promise<void> {
  const config = configFor(options, 'tail')
  const chosen = chosenSource(config, options.source)
  if (chosen.tag === 'server') {
    const { tailServer } = await import('./tail-server.ts')
    return tailServer(config, chosen.source, options)
  }
  const { tailBroker } = await import('./tail-broker.ts')
  return tailBroker(config, chosen.broker, options)
}

/** The source that `--source` names; without it the first server, or the first broker where there is no server. */
function chosenSource({ source: main, sources, brokers }: Config, name: string | undefined): Chosen {
  const isMeant = (each: { readonly name: string }): boolean => name === undefined || each.name === name
  const server = sources.find(isMeant)
  if (server !== undefined) return { tag: 'server', source: server }
  const broker = brokers.find(isMeant)
  if (broker !== undefined) return { tag: 'broker', broker }
  if (name === undefined) return { tag: 'server', source: main }
  const names = [...sources, ...brokers].map((each) => each.name)
  const meant = nearestName(name, names)
  throw new BingoError('BINGO_SOURCE_UNKNOWN', `there is no source "${name}" in the configuration`, {
    hint: `${meant === undefined ? '' : `Did you mean "${meant}"? `}Sources: ${names.join(', ')}.`,
  })
}

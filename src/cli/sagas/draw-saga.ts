import { BingoError } from '../../model/errors.ts'
import { sagaGraph } from '../../sagas/graph.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { print } from '../posted/ask-api.ts'
import { rulesFor } from '../rules-for.ts'

/** `bingo sagas graph`. Throws BINGO_SAGA_UNKNOWN. */
export async function drawSaga(id: string, options: GlobalOptions): Promise<void> {
  const { ruleSet } = await rulesFor(configFor(options, 'explain'), { allowMissingSecrets: true })
  const sagas = ruleSet.sagas ?? []
  const saga = sagas.find((one) => one.id === id)
  if (saga !== undefined) return print(sagaGraph(saga))
  throw new BingoError('BINGO_SAGA_UNKNOWN', `there is no saga "${id}" in the rules`, {
    hint: sagas.length === 0 ? 'Write one: docs/sagas.md.' : `There are ${sagas.map((one) => one.id).join(', ')}.`,
  })
}

import { Command, InvalidArgumentError } from 'commander'
import { SAGA_STATUSES, type SagaStatus } from '../../model/saga/instance.ts'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { ApiOptions } from '../posted/ask-api.ts'
import type { SagaPageOptions } from '../sagas/client.ts'

const HELP = `
An instance is named by its saga and its key, as list prints them. The running daemon is asked over its HTTP API
(http.listen, http.token). Where none answers, list and show read sagas.store; graph reads the rules files alone.

A stuck instance keeps retrying its compensation. Repair the participant and retry, or do by hand what the step's
compensation would have done, and skip it.

Examples:
  $ bingo sagas list --status stuck
  $ bingo sagas show order_fulfilment o-17
  $ bingo sagas retry order_fulfilment o-17
  $ bingo sagas compensate order_fulfilment o-17 --reason 'the customer cancelled'
  $ bingo sagas graph order_fulfilment > order_fulfilment.mmd`

/** `--step` of retry and skip, `--reason` of compensate. */
interface ChangeOptions extends ApiOptions {
  readonly step?: string
  readonly reason?: string
}

export function sagasCommand(): Command {
  const sagas = new Command('sagas')
    .summary('list, show, retry, skip, complete or compensate instances of sagas; draw a saga')
    .description('Lists and shows the instances of sagas, changes one by hand, and draws definitions.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  const step = ['--step <step>', 'only this step (default: what the instance is at)'] as const
  for (const command of [
    list(),
    show(),
    change('retry', 'Sends what failed, is stuck or waits again, now.').option(...step),
    change('skip', 'Takes a step for done, or its compensation for undone, without sending it.').option(...step),
    change('complete', 'Ends an instance as it is, without sending anything more.'),
    change('compensate', 'Cancels an instance: what was done is undone.').option('--reason <text>', 'why'),
    graph(),
  ]) {
    sagas.addCommand(command)
  }
  return sagas
}

function list(): Command {
  return new Command('list')
    .description('Lists instances, newest first.')
    .option('--saga <id>', 'only those of this saga')
    .option('--status <status>', SAGA_STATUSES.join(', '), statusOf)
    .option('--key <prefix>', 'only keys that begin with <prefix>')
    .option('--limit <n>', 'list at most <n> instances (default: 50)', count)
    .option('--json', 'print it as JSON')
    .action(async (_options: object, command: Command) => {
      const { listInstances } = await import('../sagas/instances.ts')
      await listInstances(command.optsWithGlobals<SagaPageOptions & { readonly limit?: number }>())
    })
}

function show(): Command {
  return instance('show', 'Prints an instance with its steps.').action(
    async (saga: string, key: string, _options: object, command: Command) => {
      const { showInstance } = await import('../sagas/instances.ts')
      await showInstance(saga, key, command.optsWithGlobals<ApiOptions>())
    },
  )
}

function change(tag: 'retry' | 'skip' | 'complete' | 'compensate', description: string): Command {
  return instance(tag, description).action(async (saga: string, key: string, _options: object, command: Command) => {
    const { changeInstance } = await import('../sagas/instances.ts')
    const { step, reason, ...options } = command.optsWithGlobals<ChangeOptions>()
    await changeInstance(saga, key, { tag, step, reason }, options)
  })
}

function graph(): Command {
  return new Command('graph')
    .description('Draws the definition of a saga as a Mermaid flowchart.')
    .argument('<saga>', 'id of the saga')
    .action(async (saga: string, _options: object, command: Command) => {
      const { drawSaga } = await import('../sagas/draw-saga.ts')
      await drawSaga(saga, command.optsWithGlobals<GlobalOptions>())
    })
}

function instance(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<saga>', 'id of the saga')
    .argument('<key>', 'key of the instance')
    .option('--json', 'print it as JSON')
}

function statusOf(text: string): SagaStatus {
  const found = SAGA_STATUSES.find((status) => status === text)
  if (found !== undefined) return found
  throw new InvalidArgumentError(`Write one of ${SAGA_STATUSES.join(', ')}.`)
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Write a whole number of at least 1.')
  return number
}

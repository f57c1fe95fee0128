import { Command } from 'commander'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { TestOptions } from '../rule-tests/test-rules.ts'

const HELP = `
A test file:
  tests:
    - name: a changed status drops the cache entry
      rule: user_cache_invalidate
      event: {op: update, table: shop.users, old: {id: 1, status: 0}, new: {id: 1, status: 1}}
      expect: {redis: {cmd: DEL, key: "cache:user:1"}}   # a subset of what the action sends
    - name: a changed address does not
      rule: user_cache_invalidate
      event: {op: update, table: shop.users, old: {id: 1, status: 0, email: a}, new: {id: 1, status: 0, email: b}}
      expect: no match               # or match, error
    - name: a new user is announced
      rule: announce
      event: {op: insert, table: shop.users, new: {id: 1, email: ada@example.com}}
      expect:
        webhook: {method: POST, url: https://crm.example.com/users/1, headers: {x-source: shop}, body: {email: ada@example.com}}

    - name: a paid order asks for an invoice
      rule: invoice
      event: {type: orders.order.paid, key: order-17, payload: {id: 17}}
      expect: {event: {type: invoices.invoice.requested, payload: {order: 17}}}

Maps may contain more than expected; lists must match exactly. Name an action by its type or target; write a list for
several, {webhook: null} for none. Fields: webhook method, url, headers, body; redis cmd, key, keys, args; kafka topic, key,
headers, value; nats subject, headers, body; rabbitmq exchange, routingKey, headers, body; grpc method, message,
metadata; sql statement, params; log body; event type, key, payload and so on, deliverAt, deliverAfter.

A test of a saga plays events, answers and time, and names the commands that are sent:
    - name: what cannot be paid is undone
      saga: order_fulfilment
      given:
        - {event: {type: orders.order.create, payload: {orderId: o-1}}, expect: reserve}
        - {answer: {reserve: done}, expect: charge}
        - {answer: {charge: refused}, expect: undo reserve}
        - {answer: {undo reserve: done}, status: compensated}
Answers are done, refused, failed, down or {done: VALUE}; {after: 30s} lets time pass.

Events that are posted have type and payload, and must fit the schema of their type. The command sends nothing. The primary key is the column id, unless the event has key: [a, b]. With --schema the values
must fit the columns.

Examples:
  $ bingo test
  $ bingo test rules/tests/users.yaml`

export function testCommand(exit: (code: number) => void): Command {
  return new Command('test')
    .summary('run unit tests of rules and sagas')
    .description('Runs unit tests of rules and sagas, written in YAML; exits 1 if one fails.')
    .argument('[files...]', 'files, folders, globs (default: rules/tests)')
    .option('--schema <file>', 'take table definitions from a schema dump (mysqldump --no-data --databases …)')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (files: readonly string[], _options: object, command: Command) => {
      const { testRules } = await import('../rule-tests/test-rules.ts')
      exit(await testRules(files.length === 0 ? ['rules/tests'] : files, command.optsWithGlobals<TestOptions>()))
    })
}

/**
 * The three services of rules.yaml, each with a database of its own on one MySQL or MariaDB:
 * `node examples/sagas/main.ts mysql://root@127.0.0.1:3306`. They end with SIGINT. In a project of yours import from 'bingo-cdc'.
 */
import { once } from 'node:events'
import { orderService } from './order.ts'
import { paymentOnMysql } from './payment-on-mysql.ts'
import { stockService } from './stock.ts'

const url = process.argv[2] ?? 'mysql://root@127.0.0.1:3306'
await using order = await orderService(url, 8701)
await using stock = await stockService(url, 8702)
await using payment = await paymentOnMysql(url, 8703)
for (const service of [order, stock, payment]) {
  process.stdout.write(`${service.name.toUpperCase()}_URL=${service.url}\n`)
}
await once(process, 'SIGINT')

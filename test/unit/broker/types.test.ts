import { expectTypeOf, test } from 'vitest'
import { createBroker } from '../../../src/index.ts'
import type { BrokerEvent } from '../../../src/index.ts'
import type { Fits } from '../../../src/broker/pattern-types.ts'

interface Order {
  readonly id: number
}
interface Paid {
  readonly id: number
  readonly cents: bigint
}
interface ShopEvents {
  'orders.order.create': Order
  'orders.order.paid': Paid
  'users.user.create': { readonly email: string }
  ping: null
}

test('Patterns fit types as the broker decides it', () => {
  expectTypeOf<Fits<'a.b', '*'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a.b', '**'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a.b', 'a.b'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a.b', 'a.*'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a.b.c', 'a.*'>>().toEqualTypeOf<false>()
  expectTypeOf<Fits<'a.b.c', 'a.**'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a', 'a.**'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'ab.c', 'a.**'>>().toEqualTypeOf<false>()
  expectTypeOf<Fits<'a.b.c', '*.b.**'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a.x.c', '*.b.**'>>().toEqualTypeOf<false>()
  expectTypeOf<Fits<'a.b', '*.b'>>().toEqualTypeOf<true>()
  expectTypeOf<Fits<'a', 'a.*'>>().toEqualTypeOf<false>()
})

test('A broker with an event map knows the payloads of types and patterns', () => {
  const broker = createBroker<ShopEvents>()
  broker.subscribe('orders.order.paid', (event) => {
    expectTypeOf(event).toEqualTypeOf<BrokerEvent<'orders.order.paid', Paid>>()
  })
  broker.subscribe('orders.**', (event) => {
    expectTypeOf(event.type).toEqualTypeOf<'orders.order.create' | 'orders.order.paid'>()
    if (event.type === 'orders.order.paid') expectTypeOf(event.payload).toEqualTypeOf<Paid>()
  })
  broker.subscribe('*.*.create', ({ payload }) => {
    expectTypeOf(payload).toEqualTypeOf<Order | { readonly email: string }>()
  })
  // @ts-expect-error no type of the map fits it
  broker.subscribe('order.**', () => undefined)
  const publish = () => {
    void broker.publish('ping', null)
    void broker.publishSync('orders.order.paid', { id: 1, cents: 2n }, { key: 'order-1' })
    // @ts-expect-error a payload of another type
    void broker.publish('orders.order.paid', { id: 1 })
    // @ts-expect-error a type that the map lacks
    void broker.publishAsync('orders.order.gone', {})
    void broker.publishBatch([
      { type: 'ping', payload: null },
      { type: 'users.user.create', payload: { email: 'a@test.example' }, userId: '7' },
    ])
    // @ts-expect-error a payload of another type
    void broker.publishBatch([{ type: 'ping', payload: 1 }])
    // @ts-expect-error there is no such option
    void broker.publish('ping', null, { delay: 1 })
  }
  expectTypeOf(publish).toBeFunction()
})

test('A broker without an event map takes any type, and leaves payloads unknown', () => {
  const broker = createBroker()
  broker.subscribe('anything.**', (event) => {
    expectTypeOf(event).toEqualTypeOf<BrokerEvent>()
  })
  const publish = () => void broker.publish('some.type', { any: 'thing' })
  expectTypeOf(publish).toBeFunction()
})

import type { ChangeLogAddress } from '../../log/changes/address.ts'

/** Without secrets. */
export function printableOf(address: ChangeLogAddress): string {
  switch (address.tag) {
    case 'redis':
      return address.redis.printable
    case 'nats':
      return address.stream.printable
    case 'kafka':
      return address.topic.printable
  }
}

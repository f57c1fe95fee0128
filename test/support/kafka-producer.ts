import { Producer, type ProducerOptions, stringSerializers } from '@platformatic/kafka'

type Texts = ProducerOptions<string, string, string, string>

/** The client's own producer, which BinGo does not use, of texts; it connects when it is first used. */
export function openProducer(options: Omit<Texts, 'serializers'>): Producer<string, string, string, string> {
  return new Producer<string, string, string, string>({ ...options, serializers: stringSerializers })
}

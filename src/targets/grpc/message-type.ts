import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'

/** A message of a .proto file, as far as it takes to check what is put into it. */
export interface MessageType {
  readonly name: string
  readonly fields: ReadonlyMap<string, MessageField>
}

export interface MessageField {
  readonly name: string
  /** As descriptors name it: TYPE_INT64, TYPE_MESSAGE … */
  readonly type: string
  readonly shape: 'single' | 'list' | 'map'
  /** Of a map that the encoder takes as a list of `{key, value}`: what its keys are. */
  readonly entryKey: MessageField | undefined
  /** For messages (of a map: its values), where they are known. Looked up when asked for: messages may hold themselves. */
  message(): MessageType | undefined
  /** For enums, where they are known. */
  readonly enumValues: ReadonlySet<string> | undefined
}

/** The parts of descriptor.proto that are read; names as proto-loader gives them. */
interface FieldDescriptor {
  readonly name: string
  readonly type: string
  readonly typeName: string
  readonly label: string
}
interface MessageDescriptor {
  readonly name: string
  readonly field: readonly FieldDescriptor[]
  readonly nestedType: readonly MessageDescriptor[]
  readonly enumType: readonly EnumDescriptor[]
  readonly options?: { readonly mapEntry?: boolean } | null
}
interface EnumDescriptor {
  readonly name: string
  readonly value: readonly { readonly name: string }[]
}

/** Types by full name, and where they are from. */
export interface Definition {
  readonly types: PackageDefinition
  /** For messages: a path, or the address of the server that was asked. */
  readonly origin: string
  /** protobuf.js makes lists of entries of the maps in descriptors, maps of those in .proto files. */
  readonly mapsAsEntries: boolean
}

/** The request type of a method, with the types that it refers to. */
export function requestTypeOf(definition: Definition, request: MessageTypeDefinition<object, object>): MessageType {
  const types = new TypeIndex(definition)
  const descriptor = request.type as MessageDescriptor
  return types.message(types.nameOf(descriptor), descriptor)
}

/** All messages and enums of a definition by full name; nested ones are entries of their parents only. */
class TypeIndex {
  private readonly messages = new Map<string, MessageDescriptor>()
  private readonly enums = new Map<string, EnumDescriptor>()
  private readonly made = new Map<MessageDescriptor, MessageType>()

  private readonly mapsAsEntries: boolean

  constructor({ types, mapsAsEntries }: Definition) {
    this.mapsAsEntries = mapsAsEntries
    for (const [name, entry] of Object.entries(types)) {
      if (!isType(entry)) continue
      if (entry.format.endsWith(' DescriptorProto')) this.add(name, entry.type as MessageDescriptor)
      else this.enums.set(name, entry.type as EnumDescriptor)
    }
  }

  private add(name: string, descriptor: MessageDescriptor): void {
    this.messages.set(name, descriptor)
    for (const nested of descriptor.nestedType) this.add(`${name}.${nested.name}`, nested)
    for (const nested of descriptor.enumType) this.enums.set(`${name}.${nested.name}`, nested)
  }

  /** Full name of a descriptor that came without; its bare name where it is not in the definition. */
  nameOf(descriptor: MessageDescriptor): string {
    const text = JSON.stringify(descriptor)
    for (const [name, each] of this.messages) {
      if (each.name === descriptor.name && JSON.stringify(each) === text) return name
    }
    return descriptor.name
  }

  message(name: string, descriptor: MessageDescriptor): MessageType {
    const known = this.made.get(descriptor)
    if (known !== undefined) return known
    const fields = new Map(descriptor.field.map((field) => [field.name, this.field(name, field)]))
    const type = { name, fields }
    this.made.set(descriptor, type)
    return type
  }

  private field(scope: string, field: FieldDescriptor): MessageField {
    const repeated = field.label === 'LABEL_REPEATED'
    const found = field.type === 'TYPE_MESSAGE' ? resolve(this.messages, scope, field.typeName) : undefined
    if (repeated && found?.[1].options?.mapEntry === true) {
      const [key, value] = ['key', 'value'].map((part) => found[1].field.find(({ name }) => name === part)!)
      const entryKey = this.mapsAsEntries ? this.field(found[0], key!) : undefined
      return { ...this.field(found[0], value!), name: field.name, shape: 'map', entryKey }
    }
    return {
      name: field.name,
      type: field.type,
      shape: repeated ? 'list' : 'single',
      entryKey: undefined,
      message: () => (found === undefined ? undefined : this.message(...found)),
      enumValues: field.type === 'TYPE_ENUM' ? this.enumValues(scope, field.typeName) : undefined,
    }
  }

  private enumValues(scope: string, typeName: string): ReadonlySet<string> | undefined {
    const found = resolve(this.enums, scope, typeName)
    return found && new Set(found[1].value.map(({ name }) => name))
  }
}

/**
 * Type names are shortened to what is unique seen from the message that uses them: the end of the full name. Of several
 * that end so, the one nearest to `scope` is meant.
 */
function resolve<T>(index: ReadonlyMap<string, T>, scope: string, typeName: string): [string, T] | undefined {
  const bare = typeName.replace(/^\./, '')
  let best: [string, T] | undefined
  let bestCommon = -1
  for (const [name, type] of index) {
    if (name !== bare && !name.endsWith(`.${bare}`)) continue
    const common = commonParts(name, scope)
    if (common > bestCommon) [best, bestCommon] = [[name, type], common]
  }
  return best
}

function commonParts(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')]
  const differs = left.findIndex((part, i) => part !== right[i])
  return differs < 0 ? left.length : differs
}

/** Services have methods by name instead; one of those may be called `format`. */
export function isType(entry: PackageDefinition[string]): entry is MessageTypeDefinition<object, object> {
  return typeof entry['format' as keyof typeof entry] === 'string'
}

import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.ChangeConsumer;
import io.debezium.engine.format.ChangeEventFormat;
import io.debezium.engine.format.JsonByteArray;
import java.io.FileReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Sends what Debezium reads to Kafka: as text what its event router makes, or each row as JSON. Properties that begin with
 * "producer." are for Kafka's producer. A batch is committed when Kafka has acknowledged all of it.
 */
public final class Relay {
  private static final String PRODUCER = "producer.";

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (FileReader reader = new FileReader(args[0])) {
      properties.load(reader);
    }
    Properties kafka = new Properties();
    for (String name : properties.stringPropertyNames()) {
      if (name.startsWith(PRODUCER)) kafka.put(name.substring(PRODUCER.length()), properties.remove(name));
    }
    KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
    if (properties.remove("relay.format").equals("json")) {
      DebeziumEngine.create(JsonByteArray.class)
          .using(properties)
          .notifying(
              sending(producer, each -> new ProducerRecord<>(each.destination(), each.key(), each.value())))
          .build()
          .run();
    } else {
      DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
          .using(properties)
          .notifying(sending(producer, each -> message(each.record())))
          .build()
          .run();
    }
  }

  private static <Event> ChangeConsumer<Event> sending(
      KafkaProducer<byte[], byte[]> producer, Function<Event, ProducerRecord<byte[], byte[]>> message) {
    return (events, committer) -> {
      List<Future<RecordMetadata>> sent = new ArrayList<>(events.size());
      for (Event each : events) sent.add(producer.send(message.apply(each)));
      for (Future<RecordMetadata> each : sent) {
        try {
          each.get();
        } catch (ExecutionException error) {
          throw new IllegalStateException(error);
        }
      }
      for (Event each : events) committer.markProcessed(each);
      committer.markBatchFinished();
    };
  }

  private static ProducerRecord<byte[], byte[]> message(SourceRecord record) {
    ProducerRecord<byte[], byte[]> message =
        new ProducerRecord<>(record.topic(), bytes(record.key()), bytes(record.value()));
    record.headers().forEach(header -> message.headers().add(header.key(), bytes(header.value())));
    return message;
  }

  private static byte[] bytes(Object value) {
    return value == null ? null : value.toString().getBytes(StandardCharsets.UTF_8);
  }
}

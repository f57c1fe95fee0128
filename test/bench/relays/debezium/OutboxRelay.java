import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.RecordCommitter;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.io.FileReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.source.SourceRecord;

/** Sends what Debezium's event router makes to Kafka; a batch is committed when Kafka has acknowledged all of it. */
public final class OutboxRelay {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (FileReader reader = new FileReader(args[0])) {
      properties.load(reader);
    }
    Properties kafka = new Properties();
    kafka.put("bootstrap.servers", properties.remove("relay.brokers"));
    kafka.put("acks", "all");
    // As fast as it can: Kafka 4 waits for 5 ms by default.
    kafka.put("linger.ms", "0");
    KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
    DebeziumEngine<RecordChangeEvent<SourceRecord>> engine =
        DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
            .using(properties)
            .notifying((records, committer) -> send(producer, records, committer))
            .build();
    engine.run();
  }

  private static void send(
      KafkaProducer<byte[], byte[]> producer,
      List<RecordChangeEvent<SourceRecord>> records,
      RecordCommitter<RecordChangeEvent<SourceRecord>> committer)
      throws InterruptedException {
    List<Future<RecordMetadata>> sent = new ArrayList<>(records.size());
    for (RecordChangeEvent<SourceRecord> each : records) {
      SourceRecord record = each.record();
      ProducerRecord<byte[], byte[]> message =
          new ProducerRecord<>(record.topic(), bytes(record.key()), bytes(record.value()));
      record.headers().forEach(header -> message.headers().add(header.key(), bytes(header.value())));
      sent.add(producer.send(message));
    }
    for (Future<RecordMetadata> each : sent) {
      try {
        each.get();
      } catch (java.util.concurrent.ExecutionException error) {
        throw new IllegalStateException(error);
      }
    }
    for (RecordChangeEvent<SourceRecord> each : records) committer.markProcessed(each);
    committer.markBatchFinished();
  }

  private static byte[] bytes(Object value) {
    return value == null ? null : value.toString().getBytes(StandardCharsets.UTF_8);
  }
}

// Flink has no connector that can be looked up. This one stands in for `memory`, so that Flink itself answers the files of this folder:
//
//   javac -cp "$PYFLINK/lib/*" -d out MemoryFactory.java
//   mkdir -p out/META-INF/services
//   echo org.apache.flink.mem.MemoryFactory > out/META-INF/services/org.apache.flink.table.factories.Factory
//   jar cf memory.jar -C out .
//
// Put the jar on Flink's class path (HADOOP_CLASSPATH for PyFlink) and set 'pipeline.jars' to it; 'table.dml-sync' must be off, each INSERT
// waited for. The package is below org.apache.flink so that planner and job share one copy of the class.
package org.apache.flink.mem;

import org.apache.flink.api.common.io.GenericInputFormat;
import org.apache.flink.configuration.*;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.*;
import org.apache.flink.table.connector.source.*;
import org.apache.flink.table.connector.source.lookup.*;
import org.apache.flink.table.connector.source.lookup.cache.*;
import org.apache.flink.table.connector.source.lookup.cache.trigger.*;
import org.apache.flink.table.data.*;
import org.apache.flink.table.factories.*;
import org.apache.flink.table.functions.*;
import org.apache.flink.table.types.logical.*;
import org.apache.flink.types.RowKind;
import org.apache.flink.api.connector.sink2.*;
import java.io.IOException;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;

public class MemoryFactory implements DynamicTableSourceFactory, DynamicTableSinkFactory {
    static final ConfigOption<String> NAME = ConfigOptions.key("name").stringType().noDefaultValue();
    static final ConfigOption<String> MODE = ConfigOptions.key("scan.mode").stringType().defaultValue("snapshot");
    static final ConfigOption<Boolean> ASYNC = ConfigOptions.key("lookup.async").booleanType().defaultValue(false);
    static final ConfigOption<Duration> DELAY = ConfigOptions.key("lookup.async.delay").durationType().defaultValue(Duration.ZERO);
    @SuppressWarnings("unchecked")
    static Map<String, Map<String, Object>> STORES() { return (Map<String, Map<String, Object>>) (Object) System.getProperties().computeIfAbsent("mem.stores", k -> new ConcurrentHashMap<String, Map<String, Object>>()); }

    static class Store {
        final int[] pk; final RowType type; final List<RowData> log;
        final LinkedHashMap<List<Object>, RowData> rows;
        final List<RowData> bag; final Object lock;
        @SuppressWarnings("unchecked")
        Store(Map<String, Object> m) { pk = (int[]) m.get("pk"); type = (RowType) m.get("type"); log = (List<RowData>) m.get("log"); rows = (LinkedHashMap<List<Object>, RowData>) m.get("rows"); bag = (List<RowData>) m.get("bag"); lock = m; }
        static Map<String, Object> make(int[] pk, RowType type) { Map<String, Object> m = new HashMap<>(); m.put("pk", pk); m.put("type", type); m.put("log", new ArrayList<RowData>()); m.put("rows", new LinkedHashMap<List<Object>, RowData>()); m.put("bag", new ArrayList<RowData>()); return m; }
        List<Object> key(RowData r, int[] cols) {
            List<Object> k = new ArrayList<>();
            for (int c : cols) k.add(RowData.createFieldGetter(type.getTypeAt(c), c).getFieldOrNull(r));
            return k;
        }
        int[] all() { int[] a = new int[type.getFieldCount()]; for (int i = 0; i < a.length; i++) a[i] = i; return a; }
        RowData copy(RowData r) {
            GenericRowData g = new GenericRowData(RowKind.INSERT, type.getFieldCount());
            for (int i = 0; i < type.getFieldCount(); i++) g.setField(i, RowData.createFieldGetter(type.getTypeAt(i), i).getFieldOrNull(r));
            return g;
        }
        void write(RowData r) { synchronized (lock) { write1(r); } }
        void write1(RowData r) {
            RowData c = copy(r);
            RowData l = copy(r); l.setRowKind(r.getRowKind()); log.add(l);
            boolean add = r.getRowKind() == RowKind.INSERT || r.getRowKind() == RowKind.UPDATE_AFTER;
            if (pk.length > 0) {
                if (add) rows.put(key(c, pk), c); else if (r.getRowKind() == RowKind.DELETE) rows.remove(key(c, pk));
            } else if (add) bag.add(c); else {
                List<Object> k = key(c, all());
                for (int i = bag.size() - 1; i >= 0; i--) if (key(bag.get(i), all()).equals(k)) { bag.remove(i); break; }
            }
        }
        List<RowData> snapshot() { synchronized (lock) { return new ArrayList<>(pk.length > 0 ? rows.values() : bag); } }
        List<RowData> find(int[] cols, RowData key) {
            List<Object> want = new ArrayList<>();
            for (int i = 0; i < cols.length; i++) want.add(RowData.createFieldGetter(type.getTypeAt(cols[i]), i).getFieldOrNull(key));
            List<RowData> out = new ArrayList<>();
            if (want.contains(null)) return out;
            for (RowData r : snapshot()) if (key(r, cols).equals(want)) out.add(copy(r));
            return out;
        }
    }

    static Store store(String name) { return new Store(STORES().get(name)); }

    @Override public String factoryIdentifier() { return "memory"; }
    @Override public Set<ConfigOption<?>> requiredOptions() { return new HashSet<>(); }
    @Override public Set<ConfigOption<?>> optionalOptions() {
        return new HashSet<>(Arrays.asList(NAME, MODE, ASYNC, DELAY, LookupOptions.CACHE_TYPE, LookupOptions.MAX_RETRIES,
            LookupOptions.PARTIAL_CACHE_MAX_ROWS, LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_ACCESS,
            LookupOptions.PARTIAL_CACHE_EXPIRE_AFTER_WRITE, LookupOptions.PARTIAL_CACHE_CACHE_MISSING_KEY,
            LookupOptions.FULL_CACHE_RELOAD_STRATEGY, LookupOptions.FULL_CACHE_PERIODIC_RELOAD_INTERVAL,
            LookupOptions.FULL_CACHE_PERIODIC_RELOAD_SCHEDULE_MODE, LookupOptions.FULL_CACHE_TIMED_RELOAD_ISO_TIME,
            LookupOptions.FULL_CACHE_TIMED_RELOAD_INTERVAL_IN_DAYS));
    }
    String open(Context c) {
        FactoryUtil.TableFactoryHelper h = FactoryUtil.createTableFactoryHelper(this, c);
        h.validate();
        String name = h.getOptions().getOptional(NAME).orElse(c.getObjectIdentifier().asSummaryString());
        RowType type = (RowType) c.getPhysicalRowDataType().getLogicalType();
        STORES().computeIfAbsent(name, n -> Store.make(c.getPrimaryKeyIndexes(), type));
        return name;
    }
    @Override public DynamicTableSource createDynamicTableSource(Context c) {
        String n = open(c);
        return new Src(n, FactoryUtil.createTableFactoryHelper(this, c).getOptions());
    }
    @Override public DynamicTableSink createDynamicTableSink(Context c) { return new Snk(open(c)); }

    static class Src implements ScanTableSource, LookupTableSource {
        final String name; final ReadableConfig conf;
        Src(String name, ReadableConfig conf) { this.name = name; this.conf = conf; }
        @Override public ChangelogMode getChangelogMode() {
            if (conf.get(MODE).equals("snapshot")) return ChangelogMode.insertOnly();
            return store(name).pk.length > 0 ? ChangelogMode.upsert(false) : ChangelogMode.all();
        }
        @Override public ScanRuntimeProvider getScanRuntimeProvider(ScanContext c) {
            return InputFormatProvider.of(new Fmt(name, conf.get(MODE)));
        }
        @Override public LookupRuntimeProvider getLookupRuntimeProvider(LookupContext c) {
            int[] cols = Arrays.stream(c.getKeys()).mapToInt(k -> k[0]).toArray();
            LookupOptions.LookupCacheType t = conf.get(LookupOptions.CACHE_TYPE);
            if (conf.get(ASYNC)) {
                AsyncFn f = new AsyncFn(name, cols, conf.get(DELAY).toMillis());
                if (t == LookupOptions.LookupCacheType.PARTIAL) return PartialCachingAsyncLookupProvider.of(f, DefaultLookupCache.fromConfig(conf));
                return AsyncLookupFunctionProvider.of(f);
            }
            Fn f = new Fn(name, cols);
            if (t == LookupOptions.LookupCacheType.PARTIAL) return PartialCachingLookupProvider.of(f, DefaultLookupCache.fromConfig(conf));
            if (t == LookupOptions.LookupCacheType.FULL) return FullCachingLookupProvider.of(
                InputFormatProvider.of(new Fmt(name, "snapshot")), PeriodicCacheReloadTrigger.fromConfig(conf));
            return LookupFunctionProvider.of(f);
        }
        @Override public DynamicTableSource copy() { return new Src(name, conf); }
        @Override public String asSummaryString() { return "memory"; }
    }
    public static class Fn extends LookupFunction {
        final String name; final int[] cols;
        Fn(String n, int[] c) { name = n; cols = c; }
        @Override public Collection<RowData> lookup(RowData key) { return store(name).find(cols, key); }
    }
    public static class AsyncFn extends AsyncLookupFunction {
        final String name; final int[] cols; final long delay;
        AsyncFn(String n, int[] c, long d) { name = n; cols = c; delay = d; }
        @Override public CompletableFuture<Collection<RowData>> asyncLookup(RowData key) {
            return CompletableFuture.supplyAsync(() -> store(name).find(cols, key),
                CompletableFuture.delayedExecutor(delay, TimeUnit.MILLISECONDS));
        }
    }
    public static class Fmt extends GenericInputFormat<RowData> implements org.apache.flink.api.common.io.NonParallelInput {
        final String name; final String mode; transient Iterator<RowData> it;
        Fmt(String n, String m) { name = n; mode = m; }
        @Override public void open(org.apache.flink.core.io.GenericInputSplit s) throws IOException {
            super.open(s);
            Store st = store(name);
            it = (mode.equals("snapshot") ? st.snapshot() : new ArrayList<>(st.log)).iterator();
        }
        @Override public boolean reachedEnd() { return !it.hasNext(); }
        @Override public RowData nextRecord(RowData reuse) { return it.next(); }
    }
    static class Snk implements DynamicTableSink {
        final String name;
        Snk(String n) { name = n; }
        @Override public ChangelogMode getChangelogMode(ChangelogMode m) {
            if (m.containsOnly(RowKind.INSERT)) return m;
            return store(name).pk.length > 0 ? ChangelogMode.upsert(false) : m;
        }
        @Override public SinkRuntimeProvider getSinkRuntimeProvider(Context c) { return SinkV2Provider.of(new MemSink(name), 1); }
        @Override public DynamicTableSink copy() { return new Snk(name); }
        @Override public String asSummaryString() { return "memory"; }
    }
    public static class MemSink implements Sink<RowData> {
        final String name;
        MemSink(String n) { name = n; }
        @Override public SinkWriter<RowData> createWriter(WriterInitContext c) {
            return new SinkWriter<RowData>() {
                @Override public void write(RowData r, Context x) { store(name).write(r); }
                @Override public void flush(boolean end) {}
                @Override public void close() {}
            };
        }
    }
}

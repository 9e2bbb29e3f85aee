//! The table of aggregate functions: names, help, and how batch computes each.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::common::{Result as DfResult, internal_err};
use datafusion::functions_aggregate as df;
use datafusion::logical_expr::AggregateUDF;
use filbert_types::{LogicalType, TypeKind};

use super::bitmap;
use super::bound::{GroupsMaker, RowsMaker};
use super::collect;
use super::groups;
use super::inference::{
    infer_approx_count_distinct, infer_array_agg, infer_avg, infer_bitmap, infer_bitmap_build,
    infer_collect, infer_count, infer_extreme, infer_json_array, infer_json_object, infer_listagg,
    infer_percentile, infer_same, infer_sum, infer_variance,
};
use super::json;
use crate::CallError;
use crate::definition::{Function, Inferred};
use crate::kernel::Call;
use crate::signature::CallArgs;
use crate::user_aggregate::AggregateFunction;

/// Decides an aggregate call's types, but for the result's nullability.
pub type AggregateInfer = fn(&CallArgs<'_>) -> Result<Inferred, CallError>;

/// When an aggregate's result can be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nullability {
    Never,
    Always,
    /// Where the argument can be, whatever the query.
    AsArgument,
    /// Where the argument can be, or the group can be empty.
    AsArgumentInGroups,
}

/// How batch computes an aggregate of given types.
#[derive(Clone)]
pub enum Implementation {
    /// As DataFusion's function does.
    DataFusion(Arc<AggregateUDF>),
    /// As DataFusion's function does, its result cast to the type that Flink gives.
    DataFusionCast(Arc<AggregateUDF>),
    /// By an accumulator of ours over columns of groups.
    Groups(GroupsMaker),
    /// By an accumulator of ours for one group.
    Rows(RowsMaker),
    /// By a function that the embedding program registered.
    User(Arc<dyn AggregateFunction>),
}

/// An aggregate function. Its `signature` has no kernel to run: it names, types and documents.
pub struct Aggregate {
    pub signature: Function,
    pub nullability: Nullability,
    /// NULL arguments don't count, whatever the call says.
    pub ignores_nulls: bool,
    pub implementation: fn(&[LogicalType], &LogicalType) -> Implementation,
}

fn no_kernel(call: &Call<'_>) -> DfResult<ArrayRef> {
    internal_err!("{} is an aggregate function", call.name)
}

const fn define(
    name: &'static str,
    signatures: &'static [&'static str],
    doc: &'static str,
    nullability: Nullability,
    infer: AggregateInfer,
    implementation: fn(&[LogicalType], &LogicalType) -> Implementation,
) -> Aggregate {
    Aggregate {
        signature: Function::kernel(name, signatures, doc, infer, no_kernel),
        nullability,
        ignores_nulls: false,
        implementation,
    }
}

impl Aggregate {
    const fn ignores_nulls(mut self) -> Aggregate {
        self.ignores_nulls = true;
        self
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Aggregate {
        self.signature = self.signature.aliases(aliases);
        self
    }
}

use Nullability::{Always, AsArgument, AsArgumentInGroups, Never};

static AGGREGATES: &[Aggregate] = &[
    define(
        "COUNT",
        &["COUNT(*)", "COUNT([DISTINCT] <ANY>, ...)"],
        "The number of rows, or of those where no argument is NULL.",
        Never,
        infer_count,
        |_, _| Implementation::DataFusion(df::count::count_udaf()),
    ),
    define(
        "SUM",
        &["SUM([DISTINCT] <NUMERIC>)"],
        "The sum of the values that are not NULL, in their type; DECIMAL in 38 digits.",
        AsArgumentInGroups,
        infer_sum,
        groups::sum,
    ),
    define(
        "AVG",
        &["AVG([DISTINCT] <NUMERIC>)"],
        "The average of the values that are not NULL; of integers it is truncated to their type.",
        AsArgumentInGroups,
        infer_avg,
        groups::avg,
    ),
    define(
        "MIN",
        &["MIN(<COMPARABLE>)"],
        "The least value.",
        AsArgumentInGroups,
        |call| infer_extreme(call, "Min"),
        groups::min,
    ),
    define(
        "MAX",
        &["MAX(<COMPARABLE>)"],
        "The greatest value.",
        AsArgumentInGroups,
        |call| infer_extreme(call, "Max"),
        groups::max,
    ),
    define(
        "STDDEV_POP",
        &["STDDEV_POP(<NUMERIC>)"],
        "The population's standard deviation, in the values' type.",
        AsArgumentInGroups,
        infer_variance,
        |_, _| Implementation::DataFusionCast(df::stddev::stddev_pop_udaf()),
    ),
    define(
        "STDDEV_SAMP",
        &["STDDEV_SAMP(<NUMERIC>)"],
        "The sample's standard deviation, in the values' type.",
        AsArgumentInGroups,
        infer_variance,
        |_, _| Implementation::DataFusionCast(df::stddev::stddev_udaf()),
    )
    .aliases(&["STDDEV"]),
    define(
        "VAR_POP",
        &["VAR_POP(<NUMERIC>)"],
        "The population's variance, in the values' type.",
        AsArgumentInGroups,
        infer_variance,
        |_, _| Implementation::DataFusionCast(df::variance::var_pop_udaf()),
    ),
    define(
        "VAR_SAMP",
        &["VAR_SAMP(<NUMERIC>)"],
        "The sample's variance, in the values' type.",
        AsArgumentInGroups,
        infer_variance,
        |_, _| Implementation::DataFusionCast(df::variance::var_samp_udaf()),
    )
    .aliases(&["VARIANCE"]),
    define(
        "FIRST_VALUE",
        &["FIRST_VALUE(<ANY>)"],
        "The first value that is not NULL.",
        AsArgumentInGroups,
        infer_same,
        |_, _| Implementation::DataFusion(df::first_last::first_value_udaf()),
    )
    .ignores_nulls(),
    define(
        "LAST_VALUE",
        &["LAST_VALUE(<ANY>)"],
        "The last value that is not NULL.",
        AsArgumentInGroups,
        infer_same,
        |_, _| Implementation::DataFusion(df::first_last::last_value_udaf()),
    )
    .ignores_nulls(),
    define(
        "SINGLE_VALUE",
        &["SINGLE_VALUE(<ANY>)"],
        "The one value of a scalar subquery; an error where there are more.",
        Always,
        infer_same,
        |_, _| Implementation::Rows(collect::single_value),
    ),
    define(
        "LISTAGG",
        &[
            "LISTAGG([DISTINCT] <CHARACTER>)",
            "LISTAGG([DISTINCT] <CHARACTER>, <CHARACTER_LITERAL>)",
        ],
        "The texts that are not NULL, joined by a separator (a comma).",
        AsArgument,
        infer_listagg,
        |_, _| Implementation::Rows(collect::listagg),
    ),
    define(
        "ARRAY_AGG",
        &["ARRAY_AGG([DISTINCT] <ANY> [IGNORE NULLS])"],
        "The values as an array, NULLs among them.",
        AsArgument,
        infer_array_agg,
        |_, _| Implementation::DataFusion(df::array_agg::array_agg_udaf()),
    ),
    define(
        "COLLECT",
        &["COLLECT([DISTINCT] <ANY>)"],
        "The values that are not NULL as a multiset.",
        Never,
        infer_collect,
        |_, _| Implementation::Rows(collect::collect),
    ),
    define(
        "APPROX_COUNT_DISTINCT",
        &["APPROX_COUNT_DISTINCT(<ANY>)"],
        "About how many different values there are (HyperLogLog).",
        Never,
        infer_approx_count_distinct,
        |_, _| Implementation::DataFusionCast(df::approx_distinct::approx_distinct_udaf()),
    ),
    define(
        "PERCENTILE",
        &[
            "PERCENTILE(<NUMERIC>, <NUMERIC_LITERAL> | ARRAY<NUMERIC>)",
            "PERCENTILE(<NUMERIC>, <NUMERIC_LITERAL> | ARRAY<NUMERIC>, <INTEGER>)",
        ],
        "The exact percentile, interpolated between neighbours; the third argument counts each value so often.",
        Always,
        infer_percentile,
        |_, _| Implementation::Rows(collect::percentile),
    ),
    define(
        "JSON_OBJECTAGG_NULL_ON_NULL",
        &["JSON_OBJECTAGG([KEY] <CHARACTER> VALUE <ANY> [NULL ON NULL])"],
        "A JSON object of keys and values.",
        Never,
        infer_json_object,
        |_, _| Implementation::Rows(json::object_null_on_null),
    )
    .aliases(&["JSON_OBJECTAGG"]),
    define(
        "JSON_OBJECTAGG_ABSENT_ON_NULL",
        &["JSON_OBJECTAGG([KEY] <CHARACTER> VALUE <ANY> ABSENT ON NULL)"],
        "A JSON object of keys and the values that are not NULL.",
        Never,
        infer_json_object,
        |_, _| Implementation::Rows(json::object_absent_on_null),
    ),
    define(
        "JSON_ARRAYAGG_ABSENT_ON_NULL",
        &["JSON_ARRAYAGG(<ANY> [ABSENT ON NULL])"],
        "A JSON array of the values that are not NULL.",
        Never,
        infer_json_array,
        |_, _| Implementation::Rows(json::array_absent_on_null),
    )
    .aliases(&["JSON_ARRAYAGG"]),
    define(
        "JSON_ARRAYAGG_NULL_ON_NULL",
        &["JSON_ARRAYAGG(<ANY> NULL ON NULL)"],
        "A JSON array of the values.",
        Never,
        infer_json_array,
        |_, _| Implementation::Rows(json::array_null_on_null),
    ),
    define(
        "BITMAP_BUILD_AGG",
        &["BITMAP_BUILD_AGG(<INT>)"],
        "The bitmap of the integers that are not NULL.",
        Always,
        |call| infer_bitmap_build(call, TypeKind::Bitmap),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_BUILD_CARDINALITY_AGG",
        &["BITMAP_BUILD_CARDINALITY_AGG(<INT>)"],
        "How many integers BITMAP_BUILD_AGG gives.",
        Always,
        |call| infer_bitmap_build(call, TypeKind::BigInt),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_OR_AGG",
        &["BITMAP_OR_AGG(<BITMAP>)"],
        "The integers that any of the bitmaps has.",
        Always,
        |call| infer_bitmap(call, TypeKind::Bitmap),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_OR_CARDINALITY_AGG",
        &["BITMAP_OR_CARDINALITY_AGG(<BITMAP>)"],
        "How many integers BITMAP_OR_AGG gives.",
        Always,
        |call| infer_bitmap(call, TypeKind::BigInt),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_AND_AGG",
        &["BITMAP_AND_AGG(<BITMAP>)"],
        "The integers that all of the bitmaps have.",
        Always,
        |call| infer_bitmap(call, TypeKind::Bitmap),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_AND_CARDINALITY_AGG",
        &["BITMAP_AND_CARDINALITY_AGG(<BITMAP>)"],
        "How many integers BITMAP_AND_AGG gives.",
        Always,
        |call| infer_bitmap(call, TypeKind::BigInt),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_XOR_AGG",
        &["BITMAP_XOR_AGG(<BITMAP>)"],
        "The integers that an odd number of the bitmaps has.",
        Always,
        |call| infer_bitmap(call, TypeKind::Bitmap),
        |_, _| Implementation::Rows(bitmap::make),
    ),
    define(
        "BITMAP_XOR_CARDINALITY_AGG",
        &["BITMAP_XOR_CARDINALITY_AGG(<BITMAP>)"],
        "How many integers BITMAP_XOR_AGG gives.",
        Always,
        |call| infer_bitmap(call, TypeKind::BigInt),
        |_, _| Implementation::Rows(bitmap::make),
    ),
];

/// Every aggregate function.
pub fn all() -> impl Iterator<Item = &'static Aggregate> {
    AGGREGATES.iter()
}

/// The aggregate function of this name, in any case.
pub fn aggregate(name: &str) -> Option<&'static Aggregate> {
    all().find(|a| {
        a.signature.name.eq_ignore_ascii_case(name)
            || a.signature
                .aliases
                .iter()
                .any(|alias| alias.eq_ignore_ascii_case(name))
    })
}

/// The separator that LISTAGG uses where none is given.
pub(super) const DEFAULT_SEPARATOR: &str = ",";

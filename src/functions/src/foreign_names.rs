//! What other databases call the functions that Flink has under another name.

const NAMES: &[(&str, &str)] = &[
    ("ADDDATE", "TIMESTAMPADD"),
    ("ANY_VALUE", "FIRST_VALUE"),
    ("APPROX_DISTINCT", "APPROX_COUNT_DISTINCT"),
    ("ARRAY_CAT", "ARRAY_CONCAT"),
    ("ARRAY_LENGTH", "CARDINALITY"),
    ("ARRAY_SIZE", "CARDINALITY"),
    ("ARRAY_TO_STRING", "ARRAY_JOIN"),
    ("CHAR", "CHR"),
    ("CHARINDEX", "LOCATE"),
    ("CONTAINS", "LOCATE"),
    ("DATEADD", "TIMESTAMPADD"),
    ("DATEDIFF", "TIMESTAMPDIFF"),
    ("DATETIME_DIFF", "TIMESTAMPDIFF"),
    ("DATE_ADD", "TIMESTAMPADD"),
    ("DATE_DIFF", "TIMESTAMPDIFF"),
    ("DATE_PART", "EXTRACT"),
    ("DATE_SUB", "TIMESTAMPADD"),
    ("DATE_TRUNC", "FLOOR"),
    ("ENDS_WITH", "ENDSWITH"),
    ("EXPLODE", "UNNEST"),
    ("FIRST", "FIRST_VALUE"),
    ("FORMAT", "PRINTF"),
    ("FROM_JSON", "JSON_QUERY"),
    ("GEN_RANDOM_UUID", "UUID"),
    ("GETDATE", "NOW"),
    ("GET_JSON_OBJECT", "JSON_VALUE"),
    ("GROUP_CONCAT", "LISTAGG"),
    ("IIF", "IF"),
    ("ISNULL", "IFNULL"),
    ("JSON_EXTRACT", "JSON_VALUE"),
    ("JSON_EXTRACT_SCALAR", "JSON_VALUE"),
    ("LAST", "LAST_VALUE"),
    ("LCASE", "LOWER"),
    ("LEN", "CHAR_LENGTH"),
    ("LENGTH", "CHAR_LENGTH"),
    ("LIST_AGG", "LISTAGG"),
    ("MEAN", "AVG"),
    ("MEDIAN", "PERCENTILE"),
    ("NVL", "COALESCE"),
    ("PERCENTILE_CONT", "PERCENTILE"),
    ("POW", "POWER"),
    ("QUANTILE", "PERCENTILE"),
    ("RANDOM", "RAND"),
    ("REGEXP_LIKE", "REGEXP"),
    ("REGEXP_MATCHES", "REGEXP"),
    ("SIZE", "CARDINALITY"),
    ("SPLIT_PART", "SPLIT_INDEX"),
    ("STARTS_WITH", "STARTSWITH"),
    ("STDDEV_SAMPLE", "STDDEV_SAMP"),
    ("STRING_AGG", "LISTAGG"),
    ("STRING_SPLIT", "SPLIT"),
    ("STRING_TO_ARRAY", "SPLIT"),
    ("STRPOS", "LOCATE"),
    ("SYSDATE", "NOW"),
    ("TO_CHAR", "DATE_FORMAT"),
    ("TO_JSON", "JSON_STRING"),
    ("TO_NUMBER", "CAST"),
    ("TO_UNIXTIME", "UNIX_TIMESTAMP"),
    ("TRUNC", "TRUNCATE"),
    ("TRY_TO_TIMESTAMP", "TO_TIMESTAMP"),
    ("UCASE", "UPPER"),
];

/// Flink's name for what another database calls so.
pub(crate) fn flink_name(name: &str) -> Option<&'static str> {
    let upper = name.to_uppercase();
    let place = NAMES.binary_search_by_key(&upper.as_str(), |(foreign, _)| foreign);
    place.ok().map(|place| NAMES[place].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_not_ours() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        for (name, _) in NAMES {
            assert!(crate::registry::built_in(name).is_none(), "{name}");
            assert!(crate::aggregate::aggregate(name).is_none(), "{name}");
        }
        assert_eq!(flink_name("length"), Some("CHAR_LENGTH"));
        assert_eq!(flink_name("upper"), None);
    }
}

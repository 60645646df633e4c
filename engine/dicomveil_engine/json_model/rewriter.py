"""De-identify data sets in DICOM JSON, each by itself or one after the other."""

from __future__ import annotations

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.series import run_after
from dicomveil_engine.json_model.table import DecisionTable
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.json_model.walk import BulkDataURIs, DataSetWalk
from dicomveil_engine.policy import Policy
from dicomveil_engine.pseudonyms.identity import InstanceIdentity

__all__ = ["BulkDataURIs", "MetadataRewriter", "SeriesRewriter"]

_TOO_DEEP = "the metadata has a value of too many lists in lists"


class MetadataRewriter:
    """Rewrites data sets in DICOM JSON by one policy.

    Without `bulk_data_uri`, BulkDataURIs are dropped: they hold the server's address and original UIDs. Without
    `claims`, the data set does not say that it is de-identified: a search result is not an instance.
    """

    def __init__(self, policy: Policy, *, claims: bool = True) -> None:
        self._policy = policy
        self._claims = policy.claims if claims else None
        self._table = DecisionTable(policy)

    def rewrite(
        self,
        dataset: JSONDataSet,
        *,
        assumed: InstanceIdentity | None = None,
        bulk_data_uri: BulkDataURIs | None = None,
    ) -> JSONDataSet:
        """The de-identified data set; the original is not changed.

        `assumed` are the UIDs of the resource that the data set is known to belong to: search results need not
        repeat them. Raises InvalidDataSetError and DeidentificationError.
        """
        try:
            return self.rewriting(dataset, assumed or InstanceIdentity(), bulk_data_uri).run()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None

    def rewriting(
        self, dataset: JSONDataSet, assumed: InstanceIdentity, bulk_data_uri: BulkDataURIs | None
    ) -> DataSetWalk:
        """The data set on its way, not yet begun."""
        return DataSetWalk(self._table, self._policy, dataset, assumed, self._claims, bulk_data_uri)


class SeriesRewriter:
    """Rewrites data sets that follow each other, such as the instances of a series: of each what is new in it.

    The results are those of `MetadataRewriter`, and share what they have in common: change none of them.
    """

    def __init__(self, rewriter: MetadataRewriter) -> None:
        self._rewriter = rewriter
        self._last: DataSetWalk | None = None

    def rewrite(self, dataset: JSONDataSet, *, bulk_data_uri: BulkDataURIs | None = None) -> JSONDataSet:
        """As `MetadataRewriter.rewrite`."""
        rewriting = self._rewriter.rewriting(dataset, InstanceIdentity(), bulk_data_uri)
        last, self._last = self._last, None  # nothing follows what could not be rewritten
        try:
            out = run_after(rewriting, last) if last else None
            if out is None:
                rewriting = self._rewriter.rewriting(dataset, InstanceIdentity(), bulk_data_uri)
                out = rewriting.run()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        self._last = rewriting
        return out

"""De-identify data sets in DICOM JSON, each by itself or one after the other."""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.reading import Reading
from dicomveil_engine.json_model.series import run_after
from dicomveil_engine.json_model.table import DecisionTable
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.json_model.walk import BulkDataURIs, DataSetWalk
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.decisions import Decisions

__all__ = ["BulkDataURIs", "MetadataRewriter", "RewrittenPart", "SeriesRewriter"]

_TOO_DEEP = "the metadata has a value of too many lists in lists"


class RewrittenPart(NamedTuple):
    """What became of some attributes of an instance, series or study."""

    dataset: JSONDataSet
    unsure: frozenset[str] = frozenset()
    """Keys of elements that were emptied because only the whole header shows whether they name somebody."""


class MetadataRewriter:
    """Rewrites data sets in DICOM JSON by one policy.

    Without `bulk_data_uri`, BulkDataURIs are dropped: they hold the server's address and original UIDs. Without
    `claims`, the data set does not say that it is de-identified: a search result is not an instance.
    """

    def __init__(self, policy: Decisions, *, claims: bool = True) -> None:
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

    def read_header(self, header: JSONDataSet, *, assumed: InstanceIdentity | None = None) -> Reading:
        """Whom a whole data set names, for `rewrite_part`. Raises as `rewrite`."""
        whole = self.rewriting(header, assumed or InstanceIdentity(), None)
        try:
            whole.begin()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        return whole.reading

    def rewrite_part(
        self, part: JSONDataSet, *, assumed: InstanceIdentity | None = None, header: Reading | None = None
    ) -> RewrittenPart:
        """A search result, which has some attributes only; what is kept of it is held against the whole header.

        Without a header, values that may hold a word of it are emptied. Raises as `rewrite`.
        """
        rewriting = self.rewriting(part, assumed or InstanceIdentity(), None)
        try:
            out = rewriting.run(header)
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        unsure = rewriting.unsure & out.keys() if header is None else set[str]()
        for key in unsure:
            out[key] = {"vr": out[key].get("vr", "UN")}
        return RewrittenPart(out, frozenset(unsure))

    def rewriting(
        self, dataset: JSONDataSet, assumed: InstanceIdentity, bulk_data_uri: BulkDataURIs | None
    ) -> DataSetWalk:
        """The walk through the data set, not yet begun."""
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

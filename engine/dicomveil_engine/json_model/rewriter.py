"""De-identify data sets in DICOM JSON, singly or in a series."""

from __future__ import annotations

from typing import NamedTuple

from dicomveil_engine.errors import InvalidDataSetError
from dicomveil_engine.json_model.bulk_value import FoundValue
from dicomveil_engine.json_model.elements import items_of
from dicomveil_engine.json_model.reading import Reading
from dicomveil_engine.json_model.series import run_after
from dicomveil_engine.json_model.table import DecisionTable
from dicomveil_engine.json_model.values import JSONDataSet
from dicomveil_engine.json_model.walk import BulkDataURIs, DataSetWalk
from dicomveil_engine.pseudonyms.identity import InstanceIdentity
from dicomveil_engine.rewriting.decisions import Decisions

__all__ = ["BulkDataURIs", "MetadataRewriter", "RewrittenPart", "SeriesRewriter"]

_TOO_DEEP = "the metadata has a value with too many nested arrays or objects"


class RewrittenPart(NamedTuple):
    """Some de-identified attributes of an instance, series or study."""

    dataset: JSONDataSet
    unsure: frozenset[str] = frozenset()
    """Keys of elements that were emptied, since only the whole header shows whether they identify the patient."""


class MetadataRewriter:
    """Rewrites data sets in DICOM JSON under a policy.

    Without `bulk_data_uri`, BulkDataURIs are dropped, since they hold the server's address and original UIDs. Without
    `claims`, the de-identification attributes are not added; search results are not instances and do not have them.
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

        `assumed` are the UIDs of the resource to which the data set belongs, which search results may omit.
        Raises InvalidDataSetError and DeidentificationError.
        """
        try:
            return self.walk(dataset, assumed or InstanceIdentity(), bulk_data_uri).run()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None

    def find_value(
        self, dataset: JSONDataSet, path: str, *, assumed: InstanceIdentity | None = None
    ) -> FoundValue | None:
        """The value elsewhere of the element at a path such as `00880200/1/7fe00010`; None if it is not released.

        Raises as `rewrite`.
        """
        uris: list[str] = []

        def note(at: str, uri: str) -> None:
            if at == path:
                uris.append(uri)

        walk = self.walk(dataset, assumed or InstanceIdentity(), note)
        try:
            walk.run()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        if not uris:
            return None
        *items, key = path.upper().split("/")
        item: JSONDataSet = dataset
        for sequence, number in zip(items[::2], items[1::2], strict=True):
            item = items_of(item[sequence], int(sequence, 16))[int(number) - 1]
        vr = str(item[key].get("vr"))
        return FoundValue(uris[0], int(key, 16), vr, walk.reading.contexts[-1], path in walk.checked_elsewhere)

    def read_header(self, header: JSONDataSet, *, assumed: InstanceIdentity | None = None) -> Reading:
        """The identifying values of a whole data set, for `rewrite_part`. Raises as `rewrite`."""
        whole = self.walk(header, assumed or InstanceIdentity(), None)
        try:
            whole.begin()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        return whole.reading

    def rewrite_part(
        self, part: JSONDataSet, *, assumed: InstanceIdentity | None = None, header: Reading | None = None
    ) -> RewrittenPart:
        """A de-identified search result, which has some attributes only.

        Kept values are compared with the identifying values of the whole header; without a header, those that would
        have to be compared are emptied. Raises as `rewrite`.
        """
        walk = self.walk(part, assumed or InstanceIdentity(), None)
        try:
            out = walk.run(header)
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        unsure = walk.unsure & out.keys() if header is None else set[str]()
        for key in unsure:
            out[key] = {"vr": out[key].get("vr", "UN")}
        return RewrittenPart(out, frozenset(unsure))

    def walk(self, dataset: JSONDataSet, assumed: InstanceIdentity, bulk_data_uri: BulkDataURIs | None) -> DataSetWalk:
        """A walk through the data set that has not begun."""
        return DataSetWalk(self._table, self._policy, dataset, assumed, self._claims, bulk_data_uri)


class SeriesRewriter:
    """Rewrites consecutive data sets, such as the instances of a series: of each only the elements that differ.

    The results are those of `MetadataRewriter`. They share equal elements, so do not modify them.
    """

    def __init__(self, rewriter: MetadataRewriter) -> None:
        self._rewriter = rewriter
        self._last: DataSetWalk | None = None

    def rewrite(self, dataset: JSONDataSet, *, bulk_data_uri: BulkDataURIs | None = None) -> JSONDataSet:
        """As `MetadataRewriter.rewrite`."""
        walk = self._rewriter.walk(dataset, InstanceIdentity(), bulk_data_uri)
        last, self._last = self._last, None  # after an error, the next data set is rewritten by itself
        try:
            out = run_after(walk, last) if last else None
            if out is None:
                walk = self._rewriter.walk(dataset, InstanceIdentity(), bulk_data_uri)
                out = walk.run()
        except RecursionError:
            raise InvalidDataSetError(_TOO_DEEP) from None
        self._last = walk
        return out

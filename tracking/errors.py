"""Which failures of record keeping are expected?"""


class TrackingError(Exception):
    """The record cannot be written or read (server away, disk full, ...): one line with the remedy."""

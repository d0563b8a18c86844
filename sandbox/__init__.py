"""A stand-in for Dynamics 365 Sales, Business Central and their token endpoint over real HTTPS.

It exists so that the hub can be tried, tested and broken on purpose without a cloud account. It shares nothing with the
hub but the repository: neither imports the other.
"""

__version__ = "0.1.0"

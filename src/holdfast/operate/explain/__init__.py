"""Why a captured request fails, and what would make it fit.

    changes   what happens to a request or a secret on the way, each undone: body, secret, address
    search    tries them, alone and then in pairs, and says which fit

Pure: a request, secrets and a time go in. No explanation ever holds a secret.
"""

from holdfast.operate.explain.search import Explanation, Fit, explain

__all__ = ["Explanation", "Fit", "explain"]

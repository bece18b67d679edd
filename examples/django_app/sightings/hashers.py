from django.contrib.auth.hashers import PBKDF2PasswordHasher


class ReadOnlyPasswordHasher(PBKDF2PasswordHasher):
    """Leaves a hash as it is: at a login Django would write a hash with more iterations.

    The number grows with each version of Django, and the version that runs may be newer than the
    version that built the database.
    """

    def must_update(self, decoded: object) -> bool:
        return False

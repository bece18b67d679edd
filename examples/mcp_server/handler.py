from server import app

from adapter import LambdaHandler

handler = LambdaHandler(app)

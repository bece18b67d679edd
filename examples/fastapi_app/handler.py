from adapter import LambdaHandler
from main import app

handler = LambdaHandler(app)
